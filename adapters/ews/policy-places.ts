import type { ByteBudget } from '../../domain/byte-budget.ts';
import { isRefusal } from '../../domain/find-moved-by-policy.ts';
import type { PolicyPlace } from '../../domain/ports/mail.ts';
import type { EwsClient, EwsRequest } from './client.ts';
import { readBelow } from './folders.ts';
import { listEverything } from './list-copies.ts';
import { childElements, find, xml } from './xml.ts';

type Name = 'recoverableitemsdeletions' | 'archivemsgfolderroot';

/**
 * Recoverable Items and the in-place archive by their distinguished ids (DistinguishedFolderIdNameType, Exchange 2010 SP1 and later).
 * @throws as EwsClient.askOne, where it may pass
 */
export async function* listPolicyPlaces(client: EwsClient, budget: ByteBudget): AsyncGenerator<PolicyPlace> {
  const place = (kind: PolicyPlace['place'], path: readonly string[], id: string): PolicyPlace => ({
    place: kind,
    path,
    fidelity: 'content',
    listMessages: () => listEverything(client, id, budget),
  });
  const deletions = await findFolder(client, 'recoverableitemsdeletions');
  if (deletions !== null) yield place('recoverable-items', ['Deletions'], deletions);
  const archive = await findFolder(client, 'archivemsgfolderroot');
  if (archive === null) return;
  const { folders, hidden } = await readBelow(client, 'archivemsgfolderroot', archive, new Map());
  for (const { id, path } of [...folders, ...hidden]) yield place('archive', path, id);
}

/** Null where the mailbox has none, or it may not be seen: a refusal that passes is thrown. */
async function findFolder(client: EwsClient, name: Name): Promise<string | null> {
  const shape = xml('m:FolderShape', {}, xml('t:BaseShape', {}, 'IdOnly'));
  const ids = xml('m:FolderIds', {}, xml('t:DistinguishedFolderId', { Id: name }));
  const request: EwsRequest = { operation: 'GetFolder', effect: false, body: xml('m:GetFolder', {}, shape, ids) };
  const [answer] = await client.ask(request);
  if (answer === undefined) return null;
  if (answer.refusal !== null) {
    // ErrorArchiveMailboxNotEnabled and its like, and whatever does not pass.
    const error = client.refusalOf(request, answer.refusal);
    if (answer.refusal.code.startsWith('ErrorArchive') || isRefusal(error)) return null;
    throw error;
  }
  const folders = find(answer.element, 'Folders');
  const [folder] = folders === null ? [] : childElements(folders);
  return folder === undefined ? null : (find(folder, 'FolderId')?.getAttribute('Id') ?? null);
}
