import type { FolderPath, FolderRole } from './mail.ts';

/**
 * Names by which a folder's role is known where the server gives no special use (RFC 6154), in the languages of Outlook,
 * Thunderbird, Apple Mail and the usual webmails. Compared without case and accents. T7.
 */
const NAMES: Readonly<Record<NamedRole, readonly string[]>> = {
  sent: [
    ...['sent', 'sent items', 'sent mail', 'sent messages'],
    ...['gesendet', 'gesendete', 'gesendete elemente', 'gesendete objekte', 'gesendete nachrichten'],
    ...['envoyes', 'elements envoyes', 'objets envoyes', 'messages envoyes', 'courrier envoye'],
    ...['enviados', 'elementos enviados', 'mensajes enviados', 'correo enviado'],
    ...['inviati', 'inviata', 'posta inviata', 'elementi inviati', 'messaggi inviati'],
    ...['verzonden', 'verzonden items', 'verzonden berichten', 'itens enviados', 'mensagens enviadas', 'enviadas'],
    ...[
      'skickat',
      'skickade',
      'skickade objekt',
      'sendt',
      'sendte elementer',
      'sendt post',
      'sendte',
      'sendte e-mails',
    ],
    ...['lahetetyt', 'wyslane', 'elementy wyslane', 'odeslane', 'odeslana posta', 'отправленные', '送信済みアイテム'],
  ],
  drafts: [
    ...[
      'drafts',
      'draft',
      'entwurfe',
      'entwurf',
      'brouillons',
      'brouillon',
      'borradores',
      'borrador',
      'bozze',
      'bozza',
    ],
    ...['concepten', 'rascunhos', 'rascunho', 'utkast', 'kladder', 'kladde', 'luonnokset', 'szkice', 'wersje robocze'],
    ...['koncepty', 'rozepsane', 'черновики', '下書き'],
  ],
  trash: [
    ...['trash', 'deleted', 'deleted items', 'deleted messages', 'bin', 'recycle bin'],
    ...['papierkorb', 'geloscht', 'geloschte elemente', 'geloschte objekte', 'geloschte nachrichten'],
    ...['corbeille', 'elements supprimes', 'messages supprimes', 'papelera', 'elementos eliminados'],
    ...['cestino', 'posta eliminata', 'elementi eliminati', 'prullenbak', 'verwijderde items', 'lixeira', 'lixo'],
    ...['itens excluidos', 'itens eliminados', 'papperskorg', 'papperskorgen', 'borttaget', 'borttagna objekt'],
    ...['papirkurv', 'slettet post', 'slettede elementer', 'slettet', 'roskakori', 'poistetut', 'kosz'],
    ...['elementy usuniete', 'kos', 'odstranena posta', 'удаленные', 'корзина', '削除済みアイテム', 'ゴミ箱'],
  ],
  junk: [
    ...['junk', 'junk mail', 'junk e-mail', 'junk email', 'spam', 'bulk mail', 'spamverdacht'],
    ...['junk-e-mail', 'unerwunscht', 'unerwunschte werbung', 'courrier indesirable', 'indesirables', 'pourriel'],
    ...['correo no deseado', 'no deseado', 'posta indesiderata', 'indesiderata', 'ongewenste e-mail', 'ongewenst'],
    ...['lixo eletronico', 'lixo electronico', 'correio nao solicitado', 'skrappost', 'skrap', 'sopost', 'soppelpost'],
    ...['uonsket e-mail', 'uonsket mail', 'roskaposti', 'wiadomosci-smieci', 'nevyzadana posta', 'спам', '迷惑メール'],
  ],
  archive: [
    ...['archive', 'archives', 'archiv', 'archivo', 'archivio', 'archief', 'arquivo', 'arkiv', 'arkisto', 'archiwum'],
    ...['архив', 'アーカイブ'],
  ],
};

type NamedRole = 'sent' | 'drafts' | 'trash' | 'junk' | 'archive';

/** Where a target has no folder of that role yet, it gets this name. */
export const CANONICAL_NAMES: Readonly<Record<NamedRole, string>> = {
  sent: 'Sent',
  drafts: 'Drafts',
  trash: 'Trash',
  junk: 'Junk',
  archive: 'Archive',
};

const ROLE_BY_NAME: ReadonlyMap<string, NamedRole> = new Map(
  (Object.keys(NAMES) as NamedRole[]).flatMap((role) => NAMES[role].map((name) => [plain(name), role] as const)),
);

/** What a folder's own name says; null where it says nothing. */
export function findRoleByName(name: string): FolderRole {
  return name.toUpperCase() === 'INBOX' ? 'inbox' : (ROLE_BY_NAME.get(plain(name)) ?? null);
}

export function hasCanonicalName(role: FolderRole): role is NamedRole {
  return role !== null && Object.hasOwn(CANONICAL_NAMES, role);
}

/**
 * Gives each folder its role: special use first; a role that no folder claims goes to the folder whose name says so, the top
 * level before children of INBOX (servers without NAMESPACE keep all below it), then the order of the list. INBOX is INBOX.
 */
export function assignRoles<T extends { readonly path: FolderPath; readonly role: FolderRole }>(
  folders: readonly T[],
): readonly T[] {
  const taken = new Set(folders.map((folder) => folder.role));
  const named = new Map<T, FolderRole>();
  for (const isCandidate of [isTop, isChildOfInbox]) {
    for (const folder of folders) {
      const role = findRoleByName(folder.path.at(-1) ?? '');
      if (!isCandidate(folder.path) || folder.role !== null || role === null || taken.has(role)) continue;
      taken.add(role);
      named.set(folder, role);
    }
  }
  return folders.map((folder) => (named.has(folder) ? { ...folder, role: named.get(folder) ?? null } : folder));
}

function isTop(path: FolderPath): boolean {
  return path.length === 1;
}

function isChildOfInbox(path: FolderPath): boolean {
  return path.length === 2 && path[0] === 'INBOX';
}

function plain(name: string): string {
  return name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replaceAll('ø', 'o')
    .replaceAll('Ø', 'o')
    .replaceAll('ł', 'l')
    .replaceAll('Ł', 'l')
    .toLowerCase()
    .trim();
}
