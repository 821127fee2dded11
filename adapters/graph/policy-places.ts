import type { ByteBudget } from '../../domain/byte-budget.ts';
import { isRefusal } from '../../domain/find-moved-by-policy.ts';
import type { FolderPath } from '../../domain/mail.ts';
import type { PolicyPlace } from '../../domain/ports/mail.ts';
import { listEverything } from './copies.ts';
import { pathOf } from './folders.ts';
import type { Json, MailboxCalls } from './mailbox-calls.ts';
import { countOf, query, textOf } from './rows.ts';

const FIELDS = query({ $select: 'id,displayName,childFolderCount,totalItemCount' });
const LIST = query({ $top: '250', $select: 'id,displayName,childFolderCount,totalItemCount' });

export interface PlacesOptions {
  readonly fidelity: PolicyPlace['fidelity'];
  readonly budget: ByteBudget;
  readonly signal: AbortSignal;
}

/**
 * Recoverable Items by its well-known name (exchange.md §3), and the in-place archive by one that Graph does not document and answers for
 * some mailboxes only (public code has seen both); where it refuses, the archive is not shown.
 * @throws CONNECTION_LOST, THROTTLED, SERVER_BUSY
 */
export async function* listPolicyPlaces(calls: MailboxCalls, options: PlacesOptions): AsyncGenerator<PolicyPlace> {
  const place = (kind: PolicyPlace['place'], path: FolderPath, id: string): PolicyPlace => ({
    place: kind,
    path,
    fidelity: options.fidelity,
    listMessages: () => listEverything(calls, id, options.budget, options.signal),
  });
  const deletions = await findFolder(calls, 'recoverableitemsdeletions');
  const deletionsId = textOf(deletions ?? {}, 'id');
  if (deletionsId !== null) yield place('recoverable-items', ['Deletions'], deletionsId);
  if ((await findFolder(calls, 'archivemsgfolderroot')) === null) return;
  for await (const { id, path } of listBelow(calls, pathOf('archivemsgfolderroot'), []))
    yield place('archive', path, id);
}

async function findFolder(calls: MailboxCalls, name: string): Promise<Json | null> {
  try {
    return await calls.get({ name: 'get policy place', path: `${pathOf(name)}${FIELDS}` });
  } catch (error) {
    if (isRefusal(error)) return null;
    throw error;
  }
}

async function* listBelow(
  calls: MailboxCalls,
  listPath: string,
  parent: FolderPath,
): AsyncGenerator<{ readonly id: string; readonly path: FolderPath }> {
  const rows: Json[] = [];
  const call = { name: 'list archive', path: `${listPath}/childFolders${LIST}` };
  for await (const row of calls.list(call)) rows.push(row);
  for (const row of rows) {
    const id = textOf(row, 'id');
    if (id === null) continue;
    const path = [...parent, textOf(row, 'displayName') ?? ''];
    if (countOf(row, 'totalItemCount') > 0) yield { id, path };
    if (countOf(row, 'childFolderCount') > 0) yield* listBelow(calls, pathOf(id), path);
  }
}
