/**
 * What each way into Exchange leaves of each kind of mail: the corpus through the whole copy into the simulated tenant and back. Whatever
 * is neither the same bytes nor the same content has to be told. The table of docs/fidelity.md is this test's; to write it anew:
 * WRITE_FIDELITY=1.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { contentFingerprintOf } from '../../domain/canonical-fingerprint.ts';
import { collect } from '../../domain/collect.ts';
import { fingerprintOf } from '../../domain/fingerprint.ts';
import { jsonFormOf } from '../../domain/json-form.ts';
import { markOf } from '../../domain/marks.ts';
import { ROUTES, type Route } from '../../domain/routes.ts';
import { contentOf, isSameContent } from '../../domain/same-content.ts';
import { unwrapMessage } from '../../domain/wrap.ts';
import { findCorpus } from '../../lab/corpus.ts';
import { contentDigestOf } from '../../lab/mail/content-digest.ts';
import { generateMailbox } from '../../lab/mail/generator.ts';
import type { CopyFromMemory } from '../support/copy-from-memory.ts';
import { DELTA } from '../support/memory-world.ts';
import { startRouteWorld, verifyRoute } from '../support/route-worlds.ts';
import { ROOT } from '../support/source-map.ts';

vi.setConfig({ testTimeout: 120_000 });

/** So many of each kind, and of the rest every so manieth. */
const OF_EACH_KIND = 15;
const SAMPLE = 25;
/** Larger ones take time and show nothing new; what is too large is tested elsewhere. */
const LARGEST_BYTES = 300_000;

interface Sample {
  readonly name: string;
  readonly raw: Buffer;
  readonly kinds: readonly string[];
}

/** In the order of the table. A message may be of several kinds. */
const KINDS: Readonly<Record<string, (raw: string, tags: readonly string[]) => boolean>> = {
  'signed or encrypted, S/MIME': (_, tags) => tags.includes('smime'),
  'signed or encrypted, PGP/MIME': (_, tags) => tags.includes('pgp'),
  'text and HTML of the same': (raw) => /^content-type:\s*multipart\/alternative/im.test(raw),
  'attached messages': (_, tags) => tags.includes('message/rfc822'),
  'reports of delivery and reading': (_, tags) => tags.includes('multipart/report'),
  invitations: (_, tags) => tags.includes('calendar'),
  'winmail.dat (TNEF)': (_, tags) => tags.includes('tnef'),
  '8-bit octets in headers': (_, tags) => tags.some((tag) => tag.startsWith('8bit-headers') || tag === 'utf8-headers'),
  'old character sets': (_, tags) => tags.includes('legacy-charset'),
  'no date or no sender': (_, tags) => tags.includes('no-date') || tags.includes('no-from'),
};

const samples = chooseSamples();

function chooseSamples(): readonly Sample[] {
  const corpus = findCorpus();
  if (corpus === null) {
    console.warn('The mail corpus (../shared/corpus/mail) is missing: generated mail is used instead.');
    const options = { seed: 7, owner: 'ann@example.test', locale: 'de', messages: 60 } as const;
    return [...generateMailbox(options)].map(({ raw }, at) => ({ name: `generated ${at}`, raw, kinds: [] }));
  }
  const tags = readTags();
  const all = corpus.map(({ name, raw: given }): Sample => {
    const raw = given.includes('\r') ? given : Buffer.from(given.toString('latin1').replaceAll('\n', '\r\n'), 'latin1');
    const text = raw.toString('latin1');
    const kinds = Object.entries(KINDS).flatMap(([kind, is]) => (is(text, tags.get(name) ?? []) ? [kind] : []));
    return { name, raw, kinds };
  });
  const left = new Map(Object.keys(KINDS).map((kind) => [kind, OF_EACH_KIND]));
  return all.filter(({ raw, kinds }, at) => {
    if (raw.length > LARGEST_BYTES) return false;
    const wanted = kinds.filter((kind) => (left.get(kind) ?? 0) > 0);
    for (const kind of wanted) left.set(kind, (left.get(kind) ?? 0) - 1);
    return at % SAMPLE === 0 || wanted.length > 0;
  });
}

function readTags(): ReadonlyMap<string, readonly string[]> {
  const file = join(ROOT, '..', 'shared', 'corpus', 'mail', 'MANIFEST.tsv');
  const [, ...rows] = readFileSync(file, 'utf8').trimEnd().split('\n');
  return new Map(
    rows.map((row) => {
      const [name = '', , , , , , notes = ''] = row.split('\t');
      return [name, /tags: (.+)$/.exec(notes)?.[1]?.split(' ') ?? []];
    }),
  );
}

const FATES = ['bytes', 'content', 'told', 'wrapped', 'refused'] as const;
type Fate = (typeof FATES)[number];

const fates = new Map<Route, ReadonlyMap<string, Fate>>();

describe.each(ROUTES)('by %s', (route) => {
  test('T29: each message arrives as it was, or what became of it is told; a second pass brings nothing', async () => {
    const world = await startRouteWorld(route);
    try {
      for (const { raw } of samples) world.source.addMessage(['INBOX'], raw, ['\\Seen'], '2014-03-01T10:11:12Z');
      await world.copy();
      const { fate, silent } = await judge(world);
      expect(silent).toEqual([]);
      expect(fate.size).toBe(samples.length);
      expect(await verifyRoute(world)).toMatchObject({ lost: 0, doubled: 0, misfiled: 0, changed: 0 });
      expect(await world.copy({}, DELTA)).toMatchObject({ moved: 0 });
      fates.set(route, fate);
    } finally {
      await world.close();
    }
  });
});

/** Reads the mailbox again by the route itself. */
async function judge(world: CopyFromMemory): Promise<{ fate: ReadonlyMap<string, Fate>; silent: readonly string[] }> {
  const fate = new Map<string, Fate>();
  const silent: string[] = [];
  const told = new Map<number, string>();
  for (const listed of [world.ledger.listNotes('mbx-1'), world.ledger.listExceptions('mbx-1')]) {
    for await (const { uid, state, detail, code } of listed) {
      told.set(uid, detail ?? code ?? '');
      if (state === 'refused') fate.set(samples[uid - 1]?.name ?? '', 'refused');
    }
  }
  const uidOf = new Map<number, number>();
  for await (const { uid, targetUid } of world.ledger.listDelivered('mbx-1', ['INBOX'], 1))
    uidOf.set(targetUid ?? 0, uid);
  const target = await world.open();
  const inbox = (await collect(target.listFolders())).find(({ role }) => role === 'inbox');
  if (inbox === undefined) throw new Error('the mailbox has no INBOX');
  for await (const { uid, raw } of target.listMessages(inbox, 1)) {
    const sourceUid = uidOf.get(uid) ?? 0;
    const original = samples[sourceUid - 1];
    if (original === undefined) throw new Error(`UID ${uid} is no copy of ours`);
    const its = await fateOf(original.raw, raw, (told.get(sourceUid) ?? '') !== '');
    if (its === null) silent.push(original.name);
    fate.set(original.name, its ?? 'told');
  }
  await target.close();
  return { fate, silent };
}

/** Null: it says something else, and nobody tells. */
async function fateOf(original: Buffer, copy: Buffer, isTold: boolean): Promise<Fate | null> {
  if (fingerprintOf(copy) === fingerprintOf(original)) return 'bytes';
  if (unwrapMessage(copy)?.equals(original) === true) return isTold ? 'wrapped' : null;
  if (isSameContent(contentOf(copy), original)) return 'content';
  if (contentFingerprintOf(copy) === contentFingerprintOf(original)) return 'content';
  if (isTold) return 'told';
  const form = jsonFormOf(original);
  if (form.lost.length > 0) return null;
  // A date that the original lacks is made up by the target.
  if (isSameContent(contentOf(copy), form.raw)) return 'content';
  // An attachment without a name has one now, which takes nothing from anybody: so says a reader that is not ours.
  if ((await contentDigestOf(copy)) === (await contentDigestOf(original))) return 'content';
  // Of what is broken, as base64 with odd characters in it, each reader makes something else.
  return markOf(copy, 'parts') === markOf(original, 'parts') ? 'content' : null;
}

/** One row a kind, one column a route. */
function tableOf(): string {
  const rows = ['all of the sample', ...Object.keys(KINDS)].map((kind) => {
    const those = samples.filter(({ kinds }) => kind === 'all of the sample' || kinds.includes(kind));
    const cells = ROUTES.map((route) => {
      const counts = Map.groupBy(those, ({ name }) => fates.get(route)?.get(name));
      const said = FATES.flatMap((each) => {
        const count = counts.get(each)?.length ?? 0;
        return count === 0 ? [] : [count === those.length ? each : `${each} ${count}`];
      });
      return said.join(', ');
    });
    return `| ${kind} | ${those.length} | ${cells.join(' | ')} |`;
  });
  const head = [
    `| mail | messages | ${ROUTES.map((route) => `\`${route}\``).join(' | ')} |`,
    '|---|---|---|---|---|---|',
  ];
  return [...head, ...rows].join('\n');
}

const PAGE = join(ROOT, 'docs', 'fidelity.md');
const [OPEN, CLOSE] = ['<!-- table -->', '<!-- end of table -->'];

test('docs/fidelity.md shows what was found', () => {
  if (findCorpus() === null) return; // that was said above
  const page = readFileSync(PAGE, 'utf8');
  const [before = '', rest = ''] = page.split(`${OPEN}\n`);
  const after = rest.slice(rest.indexOf(CLOSE));
  if (process.env['WRITE_FIDELITY'] === '1') writeFileSync(PAGE, `${before}${OPEN}\n${tableOf()}\n${after}`);
  else expect(rest.slice(0, rest.indexOf(CLOSE)).trim()).toBe(tableOf());
});

afterAll(() => fates.clear());
