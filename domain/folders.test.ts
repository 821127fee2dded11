import { describe, expect, test } from 'vitest';
import { assignRoles } from './folder-names.ts';
import { type FolderRules, planFolders } from './folders.ts';
import type { FolderRole, SourceFolder } from './mail.ts';

function folder(name: string, role: FolderRole = null, selectable = true): SourceFolder {
  return { id: name, path: name.split('/'), role, selectable };
}

const RULES: FolderRules = { targetFolders: [], separator: '/', rootIsInbox: false, mapping: {} };

/** `source → target` of each folder. */
function mapped(folders: readonly SourceFolder[], rules: Partial<FolderRules> = {}): Record<string, string> {
  const plan = planFolders(folders, { ...RULES, ...rules });
  return Object.fromEntries(plan.folders.map(({ source, targetPath }) => [source.id, targetPath.join('|')]));
}

describe('roles', () => {
  test('special use wins over names', () => {
    const roles = assignRoles([
      folder('Sent'),
      folder('Postausgang', 'sent'),
      folder('INBOX/Trash'),
      folder('a/Drafts'),
    ]);
    expect(roles.map((each) => each.role)).toEqual([null, 'sent', 'trash', null]);
  });

  test('one folder has a role when two are named for it', () => {
    expect(assignRoles([folder('Sent'), folder('Gesendet')]).map((each) => each.role)).toEqual(['sent', null]);
  });
});

describe('the mapping', () => {
  test('T7: takes specials to the own folder of the target, whatever its language', () => {
    const target = [
      { path: ['Elementi inviati'], role: 'sent' as const },
      { path: ['Cestino'], role: null },
    ];
    const plan = planFolders([folder('Gesendet', 'sent'), folder('Papierkorb')], { ...RULES, targetFolders: target });
    expect(plan.folders.map(({ targetPath, role }) => [targetPath, role])).toEqual([
      [['Elementi inviati'], 'sent'],
      [['Cestino'], 'trash'],
    ]);
    expect(plan.renames).toContainEqual({ from: ['Papierkorb'], to: ['Cestino'], reason: 'special' });
  });

  test('T8: lets children of a special folder follow it', () => {
    const target = [{ path: ['Sent Items'], role: 'sent' as const }];
    expect(mapped([folder('Sent/2019/Q1'), folder('Sent/2019'), folder('Sent')], { targetFolders: target })).toEqual({
      Sent: 'Sent Items',
      'Sent/2019': 'Sent Items|2019',
      'Sent/2019/Q1': 'Sent Items|2019|Q1',
    });
  });

  test('keeps children of INBOX and ordinary trees as they are, and shows no rename', () => {
    const folders = [folder('INBOX'), folder('INBOX/EOM'), folder('Kunden', null, false), folder('Kunden/März')];
    const plan = planFolders(folders, RULES);
    expect(plan.folders.map(({ targetPath }) => targetPath)).toEqual([['INBOX'], ['INBOX', 'EOM'], ['Kunden', 'März']]);
    expect(plan.renames).toEqual([]);
  });

  test('T5: a folder INBOX below INBOX stays where it is, on the first and on the tenth run', () => {
    const once = mapped([folder('INBOX'), folder('INBOX/INBOX'), folder('INBOX/INBOX/COMPTA')]);
    expect(once['INBOX/INBOX/COMPTA']).toBe('INBOX|INBOX|COMPTA');
  });

  test('T5: at a target whose folders all lie in INBOX no folder gets the prefix twice, and none shares its place', () => {
    const folders = [folder('INBOX'), folder('INBOX/INBOX/COMPTA'), folder('COMPTA'), folder('INBOX/INBOX')];
    const plan = planFolders(folders, { ...RULES, rootIsInbox: true });
    expect(plan.folders.map(({ targetPath }) => targetPath.join('|'))).toEqual([
      'COMPTA',
      'INBOX',
      'INBOX|INBOX',
      'COMPTA (2)',
    ]);
    expect(plan.renames).toEqual([{ from: ['INBOX', 'INBOX', 'COMPTA'], to: ['COMPTA (2)'], reason: 'repaired' }]);
  });

  test('T1, T2: takes blanks away from both ends and says so', () => {
    const plan = planFolders([folder('INBOX'), folder('INBOX/EOM Reports '), folder(' PROBLEM')], RULES);
    expect(plan.renames).toEqual([
      { from: [' PROBLEM'], to: ['PROBLEM'], reason: 'repaired' },
      { from: ['INBOX', 'EOM Reports '], to: ['INBOX', 'EOM Reports'], reason: 'repaired' },
    ]);
  });

  test('T4: keeps a name with the separator of the target in it one folder', () => {
    expect(mapped([folder('Archive'), folder('Archive/Dr. Jones')], { separator: '.' })).toEqual({
      Archive: 'Archive',
      'Archive/Dr. Jones': 'Archive|Dr- Jones',
    });
  });

  test('T9: renames what Exchange keeps for itself, at the top only', () => {
    expect(mapped([folder('Calendar'), folder('sync issues'), folder('Kunden/Files')])).toEqual({
      Calendar: 'Calendar (mail)',
      'sync issues': 'sync issues (mail)',
      'Kunden/Files': 'Kunden|Files',
    });
  });

  test('obeys a mapping of a person before all else, children included', () => {
    const mapping = { Alt: 'INBOX/Ablage', 'Alt/2020': 'Jahr/2020', Sent: 'Gesendet' };
    const folders = [folder('Alt'), folder('Alt/2019'), folder('Alt/2020'), folder('Sent', 'sent')];
    const plan = planFolders(folders, { ...RULES, mapping });
    expect(plan.folders.map(({ source, targetPath, role }) => [source.id, targetPath.join('|'), role])).toEqual([
      ['Alt', 'INBOX|Ablage', null],
      ['Sent', 'Gesendet', null],
      ['Alt/2019', 'INBOX|Ablage|2019', null],
      ['Alt/2020', 'Jahr|2020', null],
    ]);
  });

  test('two folders of one role share a target folder, and the second is named', () => {
    const target = [{ path: ['Sent Items'], role: 'sent' as const }];
    const plan = planFolders([folder('Sent', 'sent'), folder('Sent Items')], { ...RULES, targetFolders: target });
    expect(plan.folders.map(({ targetPath }) => targetPath)).toEqual([['Sent Items'], ['Sent Items']]);
    expect(plan.renames).toEqual([{ from: ['Sent'], to: ['Sent Items'], reason: 'merged' }]);
  });

  test('a folder that a person maps onto another shares its place, and so do their children of one name', () => {
    const plan = planFolders([folder('Alt'), folder('Alt/x'), folder('Akten'), folder('Akten/x')], {
      ...RULES,
      mapping: { Alt: 'Akten' },
    });
    expect(plan.folders.map(({ targetPath }) => targetPath.join('|'))).toEqual([
      'Akten',
      'Akten',
      'Akten|x',
      'Akten|x',
    ]);
    expect(plan.renames.map(({ reason }) => reason)).toEqual(['merged', 'merged']);
  });

  test('does not depend on the order of the list', () => {
    const folders = [folder('Sent'), folder('Gesendet'), folder('b/c'), folder('b'), folder('INBOX')];
    expect(planFolders(folders.toReversed(), RULES)).toEqual(planFolders(folders, RULES));
  });
});
