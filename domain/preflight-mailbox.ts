import { collect } from './collect.ts';
import { MigrationError } from './errors.ts';
import { type FolderRename, type FolderRules, planFolders, type RenameReason } from './folders.ts';
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
 * folders will have other names. Reads no message and writes nothing. Whatever fails is the verdict, not an error.
 * @throws the signal's reason when aborted
 */
export async function preflightMailbox(input: PreflightInput): Promise<PreflightVerdict> {
  const verdict = { ...UNKNOWN };
  try {
    const rules = await lookAtTarget(input);
    const source = await input.connector.openSource(input.source, input.signal);
    try {
      verdict.tls = source.facts.tls;
      verdict.capabilities = source.facts.capabilities;
      const plan = planFolders(await collect(source.listFolders()), rules);
      verdict.renames = plan.renames.map(toView);
      for (const { source: folder } of plan.folders) {
        verdict.messages += (await source.getStatus(folder)).exists;
        verdict.folders += 1;
      }
    } finally {
      await source.close();
    }
    if (verdict.folders > 0) return { ...verdict, ok: true };
    return { ...verdict, code: 'NO_FOLDERS', message: 'The source lists no folder that holds mail.' };
  } catch (error) {
    input.signal.throwIfAborted();
    if (!(error instanceof MigrationError)) throw error;
    return { ...verdict, code: error.code, message: error.message };
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

const WHY: Readonly<Record<RenameReason, string>> = {
  special: 'goes to the own folder of the target for this purpose',
  'follows-parent': 'follows its parent folder',
  mapped: 'was mapped so',
  repaired: 'the target cannot hold the name as it is',
  merged: 'shares a target folder with another source folder',
};

function toView({ from, to, reason }: FolderRename) {
  return { from: from.join('/'), to: to.join('/'), why: WHY[reason] };
}
