import { collect } from './collect.ts';
import { type ErrorCode, MigrationError } from './errors.ts';
import { type FolderRename, type FolderRules, planFolders, RENAME_WORDS } from './folders.ts';
import type { PreflightVerdict } from './migration-view.ts';
import type { MailAccount, MailConnector } from './ports/mail.ts';

export interface PreflightInput {
  readonly connector: MailConnector;
  readonly source: MailAccount;
  /** Null while the mailbox does not exist yet at the target. */
  readonly target: MailAccount | null;
  readonly mapping: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * Tries what a pass will need, before anything is moved: sign-in on both sides, encryption, what there is to move, and which
 * folders will have other names. Reads no message and writes nothing. Whatever fails is the verdict, not an error, and it
 * names the side; both sides are tried, so that one look tells all that has to be mended.
 * @throws the signal's reason when aborted
 */
export async function preflightMailbox(input: PreflightInput): Promise<PreflightVerdict> {
  const source = await tried('source', input.signal, () => lookAtSource(input));
  const target = await tried('target', input.signal, () => lookAtTarget(input));
  const verdict = { ...UNKNOWN, ...source.found?.facts };
  if (source.found && target.found) {
    verdict.renames = planFolders(source.found.folders, target.found).renames.map(toView);
  }
  const faults = [source.fault, target.fault].filter((fault) => fault !== null);
  const [first] = faults;
  if (first) return { ...verdict, code: first.code, message: faults.map(({ message }) => message).join(' ') };
  if (verdict.folders > 0) return { ...verdict, ok: true };
  return { ...verdict, code: 'NO_FOLDERS', message: 'Source: it lists no folder that holds mail.' };
}

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

async function lookAtSource({ connector, source: account, signal }: PreflightInput) {
  const source = await connector.openSource(account, signal);
  try {
    const folders = await collect(source.listFolders());
    const facts = { tls: source.facts.tls, capabilities: source.facts.capabilities, folders: 0, messages: 0 };
    for (const folder of folders) {
      if (!folder.selectable) continue;
      facts.messages += (await source.getStatus(folder)).exists;
      facts.folders += 1;
    }
    return { folders, facts };
  } finally {
    await source.close();
  }
}

async function lookAtTarget({ connector, target: account, mapping, signal }: PreflightInput): Promise<FolderRules> {
  if (account === null) return { targetFolders: [], separator: null, rootIsInbox: false, mapping };
  const target = await connector.openTarget(account, signal);
  try {
    const { separator, rootIsInbox } = target;
    return { targetFolders: await collect(target.listFolders()), separator, rootIsInbox, mapping };
  } finally {
    await target.close();
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const UNKNOWN: Mutable<PreflightVerdict> = {
  ok: false,
  code: null,
  message: null,
  tls: false,
  folders: 0,
  messages: 0,
  // Sizes would take a FETCH of every message; STATUS=SIZE (RFC 8438) is not asked for yet.
  bytes: null,
  capabilities: [],
  renames: [],
};

function toView({ from, to, reason }: FolderRename) {
  return { from: from.join('/'), to: to.join('/'), why: RENAME_WORDS[reason] };
}
