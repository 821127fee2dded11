import { MigrationError } from '../../domain/errors.ts';
import { assignRoles } from '../../domain/folder-names.ts';
import { repairPath } from '../../domain/folders.ts';
import type { FolderPath, FolderRole, FolderStatus } from '../../domain/mail.ts';
import type { OpenedFolder, TargetFolder } from '../../domain/ports/mail.ts';
import { segment } from './graph.ts';
import { mailError } from './mail-errors.ts';
import { type Json, jsonOf, type MailboxCalls } from './mailbox-calls.ts';
import { PROPERTY } from './property-ids.ts';
import { countOf, expandOf, numberOf, query, textOf, uidValidityOf } from './rows.ts';

/**
 * Well-known names (exchange.md §3): they say what a folder is for, whatever it is called in the language of the mailbox (T7). Their
 * English words are paths here, not names of folders.
 */
const WELL_KNOWN = {
  inbox: 'inbox',
  sentitems: 'sent',
  drafts: 'drafts',
  deleteditems: 'trash',
  junkemail: 'junk',
  archive: 'archive',
} as const satisfies Record<string, FolderRole>;

const FIELDS = 'id,displayName,parentFolderId,childFolderCount,totalItemCount,isHidden';
/** More than one page holds is asked for page by page; ten would be a page by default (exchange.md §3). */
const PAGE = '250';
const LIST = query({ $top: PAGE, $select: FIELDS, includeHiddenFolders: 'true' });

export interface GraphFolder extends TargetFolder {
  /** Its owner does not see it: nothing of the migration goes there but by us. */
  readonly isHidden: boolean;
}

/**
 * The tree of folders. `/` is taken for the separator, as Exchange's IMAP does: Graph would take it inside of a name, but the folder could
 * not be seen by that other door (exchange.md §3).
 */
export class GraphFolders {
  readonly #calls: MailboxCalls;
  #known: readonly GraphFolder[] | null = null;

  constructor(calls: MailboxCalls) {
    this.#calls = calls;
  }

  /** Asked for anew, with those that are hidden. */
  async list(): Promise<readonly GraphFolder[]> {
    const roles = await this.#roles();
    const folders: GraphFolder[] = [];
    const walk = async (listPath: string, parent: GraphFolder | null): Promise<void> => {
      const rows: Json[] = [];
      for await (const row of this.#calls.list({ name: 'list folders', path: `${listPath}${LIST}` })) rows.push(row);
      for (const row of rows) {
        const folder = folderOf(row, parent, roles);
        if (folder === null) continue;
        folders.push(folder);
        if (countOf(row, 'childFolderCount') > 0) await walk(`${pathOf(folder.id)}/childFolders`, folder);
      }
    };
    await walk('/mailFolders', null);
    this.#known = folders;
    return folders;
  }

  /**
   * @see MailTarget.ensureFolder
   * @throws FOLDER_REFUSED also where the folder of that name is hidden: mail in it would be lost to its owner
   */
  async ensure(path: FolderPath, role: FolderRole): Promise<OpenedFolder> {
    const wanted = repairPath(path, '/');
    const found = this.#find(this.#known ?? (await this.list()), wanted, role) ?? (await this.#make(wanted));
    if (found.isHidden) {
      throw new MigrationError('FOLDER_REFUSED', 'The target has a hidden folder of this name.', {
        facts: { folder: found.id },
      });
    }
    const { id, path: own, role: itsRole } = found;
    const { exists, uidNext } = await this.status(id);
    return { id, path: own, role: itsRole, exists, uidNext };
  }

  /** @throws FOLDER_VANISHED */
  async status(id: string): Promise<FolderStatus> {
    const select = query({ $select: 'id,totalItemCount', $expand: expandOf([PROPERTY.uidNext]) });
    const row = await this.#calls.get({ name: 'get folder', path: `${pathOf(id)}${select}`, facts: { folder: id } });
    return {
      uidValidity: uidValidityOf(id),
      uidNext: numberOf(row, PROPERTY.uidNext) ?? 0,
      exists: countOf(row, 'totalItemCount'),
      highestModSeq: null,
    };
  }

  /** The folder of ours at the top that nobody sees; made where it is missing. Idempotent. */
  async ensureHidden(name: string): Promise<GraphFolder> {
    const find = (folders: readonly GraphFolder[]) =>
      folders.find(({ path, isHidden }) => path.length === 1 && isHidden && path[0] === name);
    return find(await this.list()) ?? (await this.#create(null, name, true));
  }

  #find(folders: readonly GraphFolder[], path: FolderPath, role: FolderRole): GraphFolder | undefined {
    const special = role === null ? undefined : assignRoles(folders.filter(isSeen)).find((each) => each.role === role);
    return special ?? folders.find((folder) => samePath(folder.path, path));
  }

  /** Level by level. */
  async #make(path: FolderPath): Promise<GraphFolder> {
    let parent: GraphFolder | null = null;
    for (let depth = 1; depth <= path.length; depth += 1) {
      const own = path.slice(0, depth);
      const known: GraphFolder | undefined = this.#known?.find((folder) => samePath(folder.path, own));
      parent = known ?? (await this.#create(parent, own.at(-1) ?? '', false));
    }
    if (parent === null) throw new MigrationError('FOLDER_REFUSED', 'A folder needs a name.');
    return parent;
  }

  /** A name that is taken, or an outcome that nobody knows, is looked up: another lane may have made it, or the call before. */
  async #create(parent: GraphFolder | null, displayName: string, isHidden: boolean): Promise<GraphFolder> {
    const path = [...(parent?.path ?? []), displayName];
    const call = {
      name: 'create folder',
      path: parent === null ? '/mailFolders' : `${pathOf(parent.id)}/childFolders`,
      body: { displayName, ...(isHidden && { isHidden }) },
    };
    const outcome = await this.#calls.attempt('POST', call);
    if (outcome.did === 'happen') {
      const made = folderOf(jsonOf(call, outcome), parent, new Map());
      if (made !== null) {
        this.#known = [...(this.#known ?? []), made];
        return made;
      }
    }
    if (outcome.did === 'unknown' || (outcome.did === 'not happen' && isTaken(outcome.status, outcome.code))) {
      const there = (await this.list()).find((folder) => samePath(folder.path, path));
      if (there !== undefined) return there;
    }
    if (outcome.did !== 'happen') throw mailError({ name: call.name, effect: true }, outcome, 'folder');
    throw new MigrationError('FOLDER_REFUSED', 'The target took the folder and does not tell its id.');
  }

  /** Id → role. A mailbox need not have them all: the archive comes with its first use. */
  async #roles(): Promise<ReadonlyMap<string, FolderRole>> {
    const names = Object.keys(WELL_KNOWN) as (keyof typeof WELL_KNOWN)[];
    const paths = names.map((name) => `/mailFolders/${name}${query({ $select: 'id' })}`);
    const rows = await this.#calls.getMany('get well-known folders', paths);
    const roles = new Map<string, FolderRole>();
    for (const [at, name] of names.entries()) {
      const id = textOf(rows[at] ?? {}, 'id');
      if (id !== null) roles.set(id, WELL_KNOWN[name]);
    }
    return roles;
  }
}

export function pathOf(folderId: string): string {
  return `/mailFolders/${segment(folderId)}`;
}

export function isSeen({ isHidden }: GraphFolder): boolean {
  return !isHidden;
}

/** Null for what holds no mail of its own: a search folder shows that of others. */
function folderOf(row: Json, parent: GraphFolder | null, roles: ReadonlyMap<string, FolderRole>): GraphFolder | null {
  const id = textOf(row, 'id');
  if (id === null || textOf(row, '@odata.type') === '#microsoft.graph.mailSearchFolder') return null;
  const role = roles.get(id) ?? null;
  const isInbox = role === 'inbox';
  const path = isInbox ? ['INBOX'] : [...(parent?.path ?? []), textOf(row, 'displayName') ?? ''];
  return { id, path, role, isHidden: parent?.isHidden === true || row['isHidden'] === true };
}

/** exchange.md §3: names compare without case. */
function samePath(one: FolderPath, other: FolderPath): boolean {
  return one.length === other.length && one.every((name, at) => name.toLowerCase() === other[at]?.toLowerCase());
}

function isTaken(status: number | null, code: string | null): boolean {
  return status === 409 || code === 'ErrorFolderExists';
}
