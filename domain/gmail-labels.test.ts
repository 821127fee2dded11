import { describe, expect, test } from 'vitest';
import {
  asGmailFolders,
  type FolderRank,
  isGmailView,
  type LabelPolicy,
  type OriginRow,
  placeOrigin,
  rankGmailFolders,
} from './gmail-labels.ts';
import type { FolderRole, SourceFolder } from './mail.ts';

function folder(name: string, role: FolderRole = null): SourceFolder {
  return { id: name, path: name.split('/'), role, selectable: true };
}

const FOLDERS = [
  folder('beta'),
  folder('[Gmail]/All Mail', 'all'),
  folder('[Gmail]/Starred', 'flagged'),
  folder('[Gmail]/Wichtig'),
  folder('[Gmail]/Chats'),
  folder('[Gmail]/Trash', 'trash'),
  folder('[Gmail]/Spam', 'junk'),
  folder('Alpha/Sub'),
  folder('Alpha'),
  folder('[Gmail]/Drafts', 'drafts'),
  folder('[Gmail]/Sent Mail', 'sent'),
  folder('INBOX', 'inbox'),
];
const RANKS = rankGmailFolders(FOLDERS, []);
const rankOf = (id: string): FolderRank | null => RANKS.get(id) ?? null;

function row(folderId: string, changes: Partial<OriginRow> = {}): OriginRow {
  const state = changes.hasCopy === true ? 'copied' : 'planned';
  return { originId: '1', folderId, uidValidity: '7', uid: 1, state, present: true, hasCopy: false, ...changes };
}

/** `folder: what` of each change. */
function places(rows: readonly OriginRow[], policy: LabelPolicy = 'one-folder'): string[] {
  return placeOrigin(rows, rankOf, policy).map(({ folderId, excluded, takesFrom }) => {
    return `${folderId}: ${excluded ?? (takesFrom ? `takes from ${takesFrom.folderId}` : 'planned')}`;
  });
}

describe('the order of places', () => {
  test('is INBOX, Sent, Drafts, Junk, Trash, labels by the alphabet, All Mail; views have none', () => {
    expect([...RANKS.keys()]).toEqual([
      'INBOX',
      '[Gmail]/Sent Mail',
      '[Gmail]/Drafts',
      '[Gmail]/Spam',
      '[Gmail]/Trash',
      'Alpha',
      'Alpha/Sub',
      'beta',
      '[Gmail]/All Mail',
    ]);
    expect(FOLDERS.filter(isGmailView).map(({ id }) => id)).toEqual([
      '[Gmail]/Starred',
      '[Gmail]/Wichtig',
      '[Gmail]/Chats',
    ]);
  });

  test('follows the plan among labels, and never puts one before INBOX', () => {
    const ranks = [...rankGmailFolders(FOLDERS, ['beta', '[Gmail]/All Mail', 'INBOX']).keys()];
    expect(ranks[0]).toBe('INBOX');
    expect(ranks.slice(-4)).toEqual(['beta', 'Alpha', 'Alpha/Sub', '[Gmail]/All Mail']);
  });

  test('All Mail is the archive, unless another folder is', () => {
    const roleOf = (folders: readonly SourceFolder[]) => folders.find(({ id }) => id === '[Gmail]/All Mail')?.role;
    expect(roleOf(asGmailFolders(FOLDERS))).toBe('archive');
    expect(roleOf(asGmailFolders([...FOLDERS, folder('Archive', 'archive')]))).toBe('all');
  });
});

describe('one folder', () => {
  test('the best place stays planned, the others are excluded by words that name it', () => {
    expect(places([row('beta'), row('[Gmail]/All Mail'), row('INBOX'), row('[Gmail]/Starred')])).toEqual([
      'beta: label of Gmail: the message goes to INBOX',
      '[Gmail]/All Mail: label of Gmail: the message goes to INBOX',
    ]);
  });

  test('nothing changes where everything is decided', () => {
    expect(places([row('INBOX', { hasCopy: true }), row('beta', { state: 'excluded' })])).toEqual([]);
    expect(places([row('INBOX'), row('beta', { state: 'excluded' })])).toEqual([]);
  });

  test('a copy that is there keeps its place when a better one comes', () => {
    expect(places([row('beta', { hasCopy: true }), row('INBOX')])).toEqual([
      'INBOX: label of Gmail: the message goes to beta',
    ]);
  });

  test('what has left the place of its copy takes the copy over, in the same folder first', () => {
    const left = row('INBOX', { hasCopy: true, present: false });
    expect(places([left, row('beta', { state: 'excluded' })])).toEqual(['beta: takes from INBOX']);
    expect(places([left, row('INBOX', { uidValidity: '8' }), row('beta')])).toEqual([
      'INBOX: takes from INBOX',
      'beta: label of Gmail: the message goes to INBOX',
    ]);
  });

  test('what was excluded is copied when its best place is gone without a copy', () => {
    const gone = row('INBOX', { state: 'vanished', present: false });
    const announced = row('INBOX', { state: 'vanished' });
    for (const lost of [gone, announced]) {
      expect(places([lost, row('beta', { state: 'excluded' })])).toEqual(['beta: planned']);
    }
  });

  test('what the target refused, or may have, is not tried from another place', () => {
    for (const state of ['refused', 'intended'] as const) {
      expect(places([row('INBOX', { state }), row('beta', { state: 'excluded' })])).toEqual([]);
    }
  });
});

describe('every label', () => {
  test('each label has a copy, and All Mail only what has no label', () => {
    expect(places([row('INBOX'), row('beta'), row('[Gmail]/All Mail')], 'every-label')).toEqual([
      '[Gmail]/All Mail: label of Gmail: the message goes to INBOX',
    ]);
    expect(places([row('[Gmail]/All Mail'), row('[Gmail]/Starred', { state: 'excluded' })], 'every-label')).toEqual([]);
  });

  test('a renumbered folder takes over what it had, not what another folder has', () => {
    const rows = [
      row('INBOX', { hasCopy: true, present: false }),
      row('beta', { hasCopy: true, present: false }),
      row('INBOX', { uidValidity: '8' }),
      row('beta', { uidValidity: '8' }),
    ];
    expect(places(rows, 'every-label')).toEqual(['INBOX: takes from INBOX', 'beta: takes from beta']);
  });
});
