import { collect } from './collect.ts';
import { compareSample } from './compare-sample.ts';
import { MigrationError } from './errors.ts';
import type { OpenedFolder, TargetFolder, TargetMessage } from './ports/mail.ts';
import { PROBE_FOLDER_PREFIX, type ProbeSession } from './ports/route-probe.ts';
import { PROBE_SAMPLES } from './probe-samples.ts';
import type { Fidelity, Route, RouteVerdict } from './routes.ts';

export interface ProbeInput {
  /** That the plan allows, the best first. */
  readonly routes: readonly Route[];
  readonly open: (route: Route) => Promise<ProbeSession>;
  /** Tells this probe's folders from those of others, e.g. random letters. */
  readonly mark: string;
  /** Epoch ms. */
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
  readonly signal: AbortSignal;
}

/** How often what was written is looked for, within the time that the target says a look may lag. */
const LOOKS = 5;

/**
 * Writes known messages by each route into a hidden folder, reads them back, compares, and removes what it wrote. What a route does
 * wrong, and what hinders it, is its verdict. Twice is safe: folders that a dead probe left are removed by the next. The caller holds the
 * mailbox's lease, so no other probe is under way in it.
 * @returns one verdict for each of `routes`, in their order
 * @throws what passes by itself (busy, out of reach), where no route is usable and one of them could not be tried; the signal's reason
 */
export async function probeRoutes(input: ProbeInput): Promise<readonly RouteVerdict[]> {
  const sessions = new Map<Route, ProbeSession>();
  const verdicts = new Map<Route, RouteVerdict>();
  let untried: MigrationError | null = null;
  const hinder = (route: Route, error: unknown) => {
    input.signal.throwIfAborted();
    if (!(error instanceof MigrationError)) throw error;
    const passes = error.kind.reaction === 'retry' || error.kind.reaction === 'wait';
    if (passes) untried ??= error;
    verdicts.set(route, hindered(input, route, error, !passes));
  };
  try {
    // All at first, so that each can look at what the others write.
    for (const route of input.routes) {
      await input.open(route).then(
        (session) => sessions.set(route, session),
        (error: unknown) => hinder(route, error),
      );
    }
    for (const [route, session] of sessions) {
      await probeRoute(input, route, session, sessions).then(
        (verdict) => verdicts.set(route, verdict),
        (error: unknown) => hinder(route, error),
      );
    }
  } finally {
    for (const session of sessions.values()) await session.close();
  }
  const found = input.routes.flatMap((route) => verdicts.get(route) ?? []);
  if (untried !== null && !found.some(({ usable }) => usable)) throw untried;
  return found;
}

/** The remedy goes with it: what hinders a route is mended or not, and mail goes by another meanwhile. */
function hindered(input: ProbeInput, route: Route, error: MigrationError, tried: boolean): RouteVerdict {
  const findings = [`${error.code}: ${error.message}`, error.kind.remedy];
  const found = { findings, hinderedBy: error.code, ...(!tried && { tried }) };
  return { route, usable: false, fidelity: null, probedAt: timeOf(input), ...found };
}

async function probeRoute(
  input: ProbeInput,
  route: Route,
  session: ProbeSession,
  sessions: ReadonlyMap<Route, ProbeSession>,
): Promise<RouteVerdict> {
  await removeLeftovers(session);
  const folder = await session.makeProbeFolder(`${PROBE_FOLDER_PREFIX}${input.mark} ${route}`);
  let verdict: RouteVerdict;
  try {
    verdict = await judge(input, route, session, folder, sessions);
  } catch (error) {
    await session.removeProbeFolder(folder).catch(() => undefined); // or the next probe does
    throw error;
  }
  await session.removeProbeFolder(folder);
  return verdict;
}

/** What an earlier probe of the same mailbox could not remove any more. */
async function removeLeftovers(session: ProbeSession): Promise<void> {
  for (const folder of await collect(session.listProbeFolders())) await session.removeProbeFolder(folder);
}

async function judge(
  input: ProbeInput,
  route: Route,
  session: ProbeSession,
  folder: OpenedFolder,
  sessions: ReadonlyMap<Route, ProbeSession>,
): Promise<RouteVerdict> {
  const { target } = session;
  const faults: string[] = [];
  const notes: string[] = [];
  let fidelity: Fidelity | null = null;
  let keepsSignatures: boolean | null = null;
  const told: (number | null)[] = [];
  for (const { message } of PROBE_SAMPLES) told.push((await target.append(folder, message)).id?.uid ?? null);
  const found = await readBack(input, session, folder);
  if (found.length !== PROBE_SAMPLES.length) {
    faults.push(`${PROBE_SAMPLES.length} messages were written and ${found.length} are there`);
  }
  for (const [at, sample] of PROBE_SAMPLES.entries()) {
    const copy = found[at];
    if (copy === undefined) continue;
    const isDraft = await session.findDraftState(folder, copy.uid);
    const compared = compareSample(sample, copy, isDraft);
    faults.push(...compared.faults.map((fault) => `${sample.name}: ${fault}`));
    notes.push(...compared.notes.map((note) => `${sample.name}: ${note}`));
    fidelity = at === 0 ? compared.fidelity : worse(fidelity, compared.fidelity);
    if (compared.keepsSignature !== null) keepsSignatures = compared.keepsSignature;
    const uid = told[at];
    if (target.reportsUid && uid !== copy.uid) faults.push(`it told UID ${uid} of a message that has UID ${copy.uid}`);
  }
  faults.push(...(await keyFaults(session, folder, found)));
  const seen = await readOtherwise(route, folder, found, sessions);
  notes.push(...seen.map(({ other, same }) => (same ? `${other} shows the same UIDs` : `${other} shows other UIDs`)));
  const agreesWith = seen.filter(({ same }) => same).map(({ other }) => other);
  if (fidelity === null && found.length > 0) faults.push('text or attachment are not what they were');
  const findings = [...faults, ...notes];
  const usable = faults.length === 0;
  return { route, usable, fidelity, findings, probedAt: timeOf(input), keepsSignatures, agreesWith };
}

/** Looks again while the target says that a look may lag behind. */
async function readBack(input: ProbeInput, session: ProbeSession, folder: OpenedFolder): Promise<TargetMessage[]> {
  const { target } = session;
  for (let look = 1; ; look++) {
    const found: TargetMessage[] = [];
    // The bytes of a large one would be gone by the next step; these are small.
    for await (const message of target.listMessages(folder, Math.max(1, folder.uidNext))) found.push(message);
    const all = found.length >= PROBE_SAMPLES.length;
    if (all || look > LOOKS || (look > 1 && target.visibleAfterMs === 0)) return inOrder(found);
    input.signal.throwIfAborted();
    await input.pause(Math.ceil(target.visibleAfterMs / LOOKS));
  }
}

/** In the order of the samples, by what each says of itself: UIDs may be given in another order than messages were written. */
function inOrder(found: readonly TargetMessage[]): TargetMessage[] {
  const isSigned = ({ raw }: TargetMessage) => raw.includes('Mailferry probe, signed');
  return [...found.filter((message) => !isSigned(message)), ...found.filter(isSigned)];
}

/** Where the target keeps keys, each must be found by its own and by no other: after a lost answer all depends on it. */
async function keyFaults(
  { target }: ProbeSession,
  folder: TargetFolder,
  found: readonly TargetMessage[],
): Promise<string[]> {
  if (target.keys === null) return [];
  const keys = PROBE_SAMPLES.map(({ message }) => message.key);
  const rows = await collect(target.keys.find(folder, keys));
  const right = keys.every((key, at) => {
    const uids = rows.filter((row) => row.key === key).map((row) => row.uid);
    return uids.length === 1 && uids[0] === found[at]?.uid;
  });
  return right && rows.length === keys.length ? [] : ['messages are not found again by the key that they were given'];
}

/** What other routes show of the same messages: whether their numbers are the same decides whether they may take turns. */
async function readOtherwise(
  route: Route,
  folder: TargetFolder,
  found: readonly TargetMessage[],
  sessions: ReadonlyMap<Route, ProbeSession>,
): Promise<{ other: Route; same: boolean }[]> {
  const seen: { other: Route; same: boolean }[] = [];
  for (const [other, session] of sessions) {
    if (other === route) continue;
    const name = folder.path.at(-1);
    const twin = (await collect(session.listProbeFolders())).find(({ path }) => path.at(-1) === name);
    if (twin === undefined) continue; // hidden from it
    const uids: number[] = [];
    for await (const { uid } of session.target.listMessages(twin, 1)) uids.push(uid);
    seen.push({
      other,
      same:
        uids.toSorted().join() ===
        found
          .map(({ uid }) => uid)
          .toSorted()
          .join(),
    });
  }
  return seen;
}

const RANK: readonly Fidelity[] = ['bytes', 'content', 'parts'];

function worse(one: Fidelity | null, other: Fidelity | null): Fidelity | null {
  if (one === null || other === null) return null;
  return RANK.indexOf(one) > RANK.indexOf(other) ? one : other;
}

function timeOf({ now }: ProbeInput): string {
  return new Date(now()).toISOString();
}
