import { nstring } from '../envelope.ts';
import type { Folder } from '../folder.ts';
import { decodeMutf7 } from '../mutf7.ts';
import { type Token, textOf } from '../parser.ts';
import type { Session } from '../session.ts';
import type { Account, MailStore } from '../store.ts';
import { statusItems } from './select.ts';

/** SPECIAL-USE attributes of RFC 6154 by role. */
export const ATTRIBUTE_OF_ROLE = {
  sent: '\\Sent',
  drafts: '\\Drafts',
  trash: '\\Trash',
  junk: '\\Junk',
  archive: '\\Archive',
  all: '\\All',
  flagged: '\\Flagged',
} as const;

/** LIST with what LIST-EXTENDED (RFC 5258) and LIST-STATUS (RFC 5819) add. */
export async function list(session: Session, args: readonly Token[]): Promise<string> {
  const account = session.account;
  const selection = args[0]?.kind === 'list' ? words(args[0].items) : [];
  const plain = args[0]?.kind === 'list' ? args.slice(1) : args;
  const reference = textOf(plain[0]);
  const patterns = plain[1]?.kind === 'list' ? plain[1].items.map(textOf) : [textOf(plain[1])];
  if (account === null || reference === null || patterns.includes(null))
    return 'BAD LIST takes a reference and a pattern';
  const returns = plain[3]?.kind === 'list' ? plain[3].items : [];
  const { store } = session.server.options;
  const { separator } = store;
  if (patterns.length === 1 && patterns[0] === '') {
    await session.send(`* LIST (\\Noselect) "${separator}" ""`);
    return 'OK Done';
  }
  const matchers = patterns.map((pattern) => patternMatcher(reference + (pattern ?? ''), separator));
  const statusAt = words(returns).indexOf('STATUS');
  const wantedStatus = returns[statusAt + 1];
  const parents = parentsOf(account, store);
  for (const folder of sorted(session, account)) {
    if (!matchers.some((matches) => matches(folder.wireName))) continue;
    if (selection.includes('SUBSCRIBED') && !folder.subscribed) continue;
    if (selection.includes('SPECIAL-USE') && specialUse(session, folder) === null) continue;
    const withSubscribed = selection.includes('SUBSCRIBED') || words(returns).includes('SUBSCRIBED');
    const attributes = attributesOf(
      session,
      folder,
      parents.has(store.folderKey(folder.wireName)),
      withSubscribed,
    ).join(' ');
    await session.send(`* LIST (${attributes}) "${separator}" `, ...nstring(folder.wireName));
    if (statusAt >= 0 && wantedStatus?.kind === 'list' && folder.selectable) {
      await session.send(
        '* STATUS ',
        ...nstring(folder.wireName),
        ` (${statusItems(folder, words(wantedStatus.items))})`,
      );
    }
  }
  return 'OK Done';
}

export async function lsub(session: Session, args: readonly Token[]): Promise<string> {
  const separator = session.server.options.store.separator;
  const matches = patternMatcher((textOf(args[0]) ?? '') + (textOf(args[1]) ?? ''), separator);
  for (const folder of session.account === null ? [] : sorted(session, session.account)) {
    if (!folder.subscribed || !folder.selectable || !matches(folder.wireName)) continue;
    await session.send(`* LSUB () "${separator}" `, ...nstring(folder.wireName));
  }
  return 'OK Done';
}

function sorted(session: Session, account: Account): readonly Folder[] {
  const { isListed = () => true } = session.server.options;
  const folders = account.listFolders().filter(isListed);
  const named = folders.map((folder) => ({ folder, name: decodeMutf7(folder.wireName) }));
  return named.sort((one, other) => (one.name < other.name ? -1 : 1)).map(({ folder }) => folder);
}

/** Keys of all folders with children, found in one go: an account may have thousands of folders. */
function parentsOf(account: Account, store: MailStore): ReadonlySet<string> {
  const parents = new Set<string>();
  for (const { wireName } of account.listFolders()) {
    const key = store.folderKey(wireName);
    for (let end = key.lastIndexOf(store.separator); end > 0; end = key.lastIndexOf(store.separator, end - 1)) {
      parents.add(key.slice(0, end));
    }
  }
  return parents;
}

function attributesOf(session: Session, folder: Folder, hasChildren: boolean, withSubscribed: boolean): string[] {
  const attributes = [hasChildren ? '\\HasChildren' : '\\HasNoChildren'];
  if (!folder.selectable) attributes.push('\\Noselect');
  const use = specialUse(session, folder);
  if (use !== null) attributes.push(use);
  if (withSubscribed && folder.subscribed) attributes.push('\\Subscribed');
  return attributes;
}

function specialUse(session: Session, folder: Folder): string | null {
  if (!session.can('SPECIAL-USE') || folder.role === null || folder.role === 'inbox') return null;
  return ATTRIBUTE_OF_ROLE[folder.role];
}

/** `*` matches all, `%` all but the separator (RFC 3501 §6.3.8); INBOX in any case. */
function patternMatcher(pattern: string, separator: string): (name: string) => boolean {
  const quoted = (text: string) => text.replace(/[.+?^${}()|[\]\\/*-]/g, '\\$&');
  const source = pattern
    .split(/([*%])/)
    .map((part) => (part === '*' ? '.*' : part === '%' ? `[^${quoted(separator)}]*` : quoted(part)))
    .join('');
  const expression = new RegExp(`^${source}$`, 's');
  const inbox = new RegExp(`^${source}$`, 'is');
  return (name) => expression.test(name) || (name === 'INBOX' && inbox.test(name));
}

function words(tokens: readonly Token[]): string[] {
  return tokens.map((token) => textOf(token)?.toUpperCase() ?? '');
}
