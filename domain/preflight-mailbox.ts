import { collect } from './collect.ts';
import { type ErrorCode, MigrationError } from './errors.ts';
import { type FolderMapping, type FolderRename, type FolderRules, planFolders, RENAME_WORDS } from './folders.ts';
import { findBytesPerDay, planForecast } from './forecast.ts';
import { asGmailFolders, isGmail, type LabelPolicy } from './gmail-labels.ts';
import type { FolderPath } from './mail.ts';
import { measureSource } from './measure-source.ts';
import type { PreflightVerdict } from './migration-view.ts';
import type { MailAccount, MailConnector } from './ports/mail.ts';
import { findLimits, NO_LIMITS, type TargetLimits } from './target-limits.ts';

export interface PreflightInput {
  readonly connector: MailConnector;
  readonly source: MailAccount;
  /** Null while the mailbox does not exist yet at the target. */
  readonly target: MailAccount | null;
  readonly mapping: Readonly<Record<string, string>>;
  /** What the target is known to hold before it can be asked, or more than it tells by itself. */
  readonly limits?: TargetLimits;
  /** Source's name of a folder → where an earlier pass put it. */
  readonly placed?: ReadonlyMap<string, FolderPath>;
  /** Of a Gmail source; `one-folder` where it is not said. */
  readonly labels?: LabelPolicy;
  /** Megabytes that the source gives away in a day; null or absent: what is known of it. */
  readonly dailyLimitMb?: number | null;
  /**
   * Reads the size of every message. True for mailboxes of up to 200,000 messages where it is not said. Without it, and where
   * reading takes more than 20 seconds by the clock, the verdict has no bytes.
   */
  readonly deep?: boolean;
  /** Milliseconds that only grow. With it the speed of the source is measured by reading a few messages. */
  readonly clock?: () => number;
  readonly signal: AbortSignal;
}

/**
 * Tries what a pass will need, before anything is moved: sign-in on both sides, encryption, what there is to move, which
 * folders will have other names, what will not fit, and how long it will take. Reads sizes and a sample of messages at most
 * and writes nothing. Whatever fails is the verdict, not an error, and it names the side; both sides are tried, so that one
 * look tells all that has to be mended.
 * @throws the signal's reason when aborted
 */
export async function preflightMailbox(input: PreflightInput): Promise<PreflightVerdict> {
  const target = await tried('target', input.signal, () => lookAtTarget(input));
  const limits = input.limits ?? target.found?.limits ?? null;
  const source = await tried('source', input.signal, () => lookAtSource(input, limits?.messageBytes ?? null));
  let verdict = UNKNOWN;
  if (source.found) {
    const { folders, facts, measured } = source.found;
    const mapping = target.found ? planFolders(folders, target.found.rules) : null;
    const planned = planForecast({
      folders: measured.folders,
      mapping,
      limits: limits ?? NO_LIMITS,
      rate: measured.rate,
      bytesPerDay: findBytesPerDay(facts.capabilities, input.dailyLimitMb),
      labels: measured.labels && { policy: input.labels ?? 'one-folder', counts: measured.labels },
    });
    const hidesAllMail = isGmail(facts.capabilities) && !folders.some(({ role }) => role === 'archive');
    const forecast = hidesAllMail ? { ...planned, unfit: [...planned.unfit, NO_ALL_MAIL] } : planned;
    const { messages, bytes } = forecast;
    const counts = { folders: measured.folders.length, messages, bytes };
    verdict = { ...UNKNOWN, ...facts, ...counts, renames: toViews(mapping), forecast };
  }
  const faults = [source.fault, target.fault].filter((fault) => fault !== null);
  const [first] = faults;
  if (first) return { ...verdict, code: first.code, message: faults.map(({ message }) => message).join(' ') };
  if (verdict.folders > 0) return { ...verdict, ok: true };
  return { ...verdict, code: 'NO_FOLDERS', message: 'Source: it lists no folder that holds mail.' };
}

const NO_ALL_MAIL = {
  folder: '[Gmail]/All Mail',
  why: 'is not shown over IMAP, so archived mail cannot be read: let it be shown in the settings of the labels',
};

/** Beyond these reading takes minutes a mailbox, and a check of five hundred would take a day. */
const DEEP_MESSAGES = 200_000;

interface Tried<T> {
  readonly found: T | null;
  readonly fault: { readonly code: ErrorCode; readonly message: string } | null;
}

async function tried<T>(side: 'source' | 'target', signal: AbortSignal, look: () => Promise<T>): Promise<Tried<T>> {
  try {
    return { found: await look(), fault: null };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof MigrationError)) throw error;
    const name = side === 'source' ? 'Source' : 'Target';
    return { found: null, fault: { code: error.code, message: `${name}: ${error.message}` } };
  }
}

async function lookAtSource(input: PreflightInput, limitBytes: number | null) {
  const { connector, source: account, clock, signal } = input;
  const source = await connector.openSource(account, signal);
  try {
    const folders = await collect(source.listFolders());
    const facts = { tls: source.facts.tls, capabilities: source.facts.capabilities };
    const mayRead = (messages: number) => input.deep ?? messages <= DEEP_MESSAGES;
    const measured = await measureSource({ source, folders, limitBytes, mayRead, clock: clock ?? null, signal });
    return { folders: isGmail(facts.capabilities) ? asGmailFolders(folders) : folders, facts, measured };
  } finally {
    await source.close();
  }
}

async function lookAtTarget(input: PreflightInput): Promise<{ rules: FolderRules; limits: TargetLimits | null }> {
  const { connector, target: account, mapping, limits = null, signal } = input;
  const placed = input.placed === undefined ? {} : { placed: input.placed };
  if (account === null) {
    const names = limits?.names ?? { separator: null };
    return { rules: { ...names, ...placed, targetFolders: [], rootIsInbox: false, mapping }, limits };
  }
  const target = await connector.openTarget(account, signal);
  try {
    const { facts, separator, rootIsInbox } = target;
    const told = findLimits(facts, separator);
    const names = { ...limits?.names, ...told.names };
    const rules = { ...names, ...placed, targetFolders: await collect(target.listFolders()), rootIsInbox, mapping };
    return { rules, limits: told };
  } finally {
    await target.close();
  }
}

const UNKNOWN: PreflightVerdict = {
  ok: false,
  code: null,
  message: null,
  tls: false,
  folders: 0,
  messages: 0,
  bytes: null,
  capabilities: [],
  renames: [],
};

function toViews(mapping: FolderMapping | null): PreflightVerdict['renames'] {
  return (mapping?.renames ?? []).map(({ from, to, reason }: FolderRename) => ({
    from: from.join('/'),
    to: to.join('/'),
    why: RENAME_WORDS[reason],
  }));
}
