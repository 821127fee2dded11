import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMemoryMailConnector, MemoryMailSystem } from '../../adapters/memory/mail.ts';
import { type FolderRules, planFolders, repairPath } from '../../domain/folders.ts';
import type { FolderPath, FolderRole, SourceFolder } from '../../domain/mail.ts';
import { preflightMailbox } from '../../domain/preflight-mailbox.ts';
import { placeKey } from '../../domain/repair-name.ts';
import { testEndpoint } from '../support/plans.ts';

/** What folders can be (issue 4, section 4), by the plan that is made of them before any is made at the target. */

const RULES: FolderRules = { targetFolders: [], separator: '/', rootIsInbox: false, mapping: {} };
/** As Exchange: `Foo` is `foo`. */
const FOLDING: FolderRules = { ...RULES, caseInsensitive: true };

function folder(path: FolderPath, role: FolderRole = null, selectable = true): SourceFolder {
  return { id: path.join('\u001f'), path, role, selectable };
}

/** `source` → `target` of each folder, levels parted by `|`. */
function goes(paths: readonly FolderPath[], rules: Partial<FolderRules> = {}): Record<string, string> {
  const { folders } = planFolders(
    paths.map((path) => folder(path)),
    { ...RULES, ...rules },
  );
  return Object.fromEntries(folders.map(({ source, targetPath }) => [source.path.join('|'), targetPath.join('|')]));
}

/** As the ledger will remember it. */
function placedBy(folders: readonly SourceFolder[], rules: FolderRules): ReadonlyMap<string, FolderPath> {
  return new Map(planFolders(folders, rules).folders.map(({ source, targetPath }) => [source.id, targetPath]));
}

describe('names', () => {
  test('T1: a trailing blank goes away, and is told of', () => {
    const { renames } = planFolders([folder(['INBOX']), folder(['INBOX', 'EOM Reports '])], RULES);
    expect(renames).toEqual([{ from: ['INBOX', 'EOM Reports '], to: ['INBOX', 'EOM Reports'], reason: 'repaired' }]);
  });

  test('T2: a leading blank goes away, and where a folder without it is there too, both stay apart', () => {
    expect(goes([[' PROBLEM'], ['PROBLEM'], ['PROBLEM ']])).toEqual({
      ' PROBLEM': 'PROBLEM (2)',
      PROBLEM: 'PROBLEM',
      'PROBLEM ': 'PROBLEM (3)',
    });
  });

  test('T4: a name with the separator of the target in it stays one folder, and apart from one that is named like the repair', () => {
    expect(
      goes([['Archive'], ['Archive', 'Dr. Jones'], ['Archive', 'Dr- Jones'], ['Some Stuff...']], { separator: '.' }),
    ).toEqual({
      Archive: 'Archive',
      'Archive|Dr. Jones': 'Archive|Dr- Jones (2)',
      'Archive|Dr- Jones': 'Archive|Dr- Jones',
      'Some Stuff...': 'Some Stuff---',
    });
  });

  test('T9: reserved names at the top are renamed in any case, elsewhere they stay', () => {
    expect(goes([['files'], ['Sync Issues'], ['Kunden', 'Calendar'], ['INBOX', 'Tasks']])).toEqual({
      files: 'files (mail)',
      'Sync Issues': 'Sync Issues (mail)',
      'Kunden|Calendar': 'Kunden|Calendar',
      'INBOX|Tasks': 'INBOX|Tasks',
    });
  });

  test('T9: a child of INBOX that comes to lie at the top is renamed too', () => {
    expect(goes([['INBOX', 'Tasks']], { rootIsInbox: true })).toEqual({ 'INBOX|Tasks': 'Tasks (mail)' });
  });

  test('T10: a name that is no modified UTF-7 and one with NUL or an empty level get a place of their own', () => {
    const places = Object.values(goes([['R&D &AOQ'], ['a\u0000b'], ['a', ''], ['a', 'unnamed'], ['\ud800']]));
    expect(new Set(places).size).toBe(5);
    expect(places).toContain('R&D &AOQ');
  });

  test('folders that differ in case only are two where the target does not tell them apart, parents without mail too', () => {
    const paths = [['Foo'], ['foo'], ['FOO', 'x'], ['Foo', 'x'], ['foo', 'X']];
    expect(goes(paths, FOLDING)).toEqual({
      Foo: 'Foo',
      foo: 'foo (2)',
      'FOO|x': 'FOO (3)|x',
      'Foo|x': 'Foo|x',
      'foo|X': 'foo (2)|X',
    });
    expect(goes(paths)).toMatchObject({ Foo: 'Foo', foo: 'foo' });
  });

  test('a folder that the target has in another spelling is used', () => {
    const targetFolders = [{ path: ['KUNDEN'], role: null }];
    expect(goes([['Kunden'], ['Kunden', 'März']], { ...FOLDING, targetFolders })).toEqual({
      Kunden: 'KUNDEN',
      'Kunden|März': 'KUNDEN|März',
    });
  });

  test('levels beyond the deepest that the target holds become part of it, and are told of', () => {
    const rules = { ...RULES, maxDepth: 2 };
    const paths = [['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd'], ['a', 'b-c']];
    expect(goes(paths, rules)).toEqual({
      a: 'a',
      'a|b': 'a|b',
      'a|b|c': 'a|b-c (2)',
      'a|b|c|d': 'a|b-c (2)-d',
      'a|b-c': 'a|b-c',
    });
    const { renames } = planFolders([folder(['a', 'b', 'c'])], rules);
    expect(renames).toEqual([{ from: ['a', 'b', 'c'], to: ['a', 'b-c'], reason: 'flattened' }]);
  });
});

describe('places', () => {
  test('T5: no folder gains a prefix twice, on the first and on the tenth run', () => {
    const rules = { ...RULES, rootIsInbox: true };
    let paths: readonly FolderPath[] = [['INBOX'], ['INBOX', 'INBOX', 'COMPTA'], ['INBOX', 'Ventes']];
    const first = planFolders(
      paths.map((path) => folder(path)),
      rules,
    );
    expect(first.folders.map(({ targetPath }) => targetPath)).toEqual([['INBOX'], ['Ventes'], ['COMPTA']]);
    for (let run = 2; run <= 10; run += 1) {
      // The copy of one run is the source of the next.
      paths = planFolders(
        paths.map((path) => folder(path)),
        rules,
      ).folders.map(({ targetPath }) => targetPath);
    }
    expect(paths).toEqual([['COMPTA'], ['INBOX'], ['Ventes']]);
  });

  test.each([
    ['Objets envoyés', 'sent'],
    ['Posta inviata', 'sent'],
    ['Gesendete Objekte', 'sent'],
    ['Papierkorb', 'trash'],
    ['Corbeille', 'trash'],
    ['Cestino', 'trash'],
    ['Bozze', 'drafts'],
    ['Verzonden items', 'sent'],
    ['Rascunhos', 'drafts'],
    ['Skräppost', 'junk'],
  ] as const)('T7: %s lands in the own %s folder of the mailbox, whatever its language', (name, role) => {
    const targetFolders = [{ path: ['INBOX', 'Elementy'], role }];
    const { folders } = planFolders([folder([name])], { ...RULES, targetFolders });
    expect(folders).toMatchObject([{ targetPath: ['INBOX', 'Elementy'], role }]);
  });

  test('T8: sub-folders follow a special folder that has another name, from below INBOX too', () => {
    const targetFolders = [{ path: ['Sent Items'], role: 'sent' as const }];
    const paths = [
      ['INBOX', 'Sent'],
      ['INBOX', 'Sent', '2019'],
      ['INBOX', 'Sent', '2019', 'Q1 '],
    ];
    expect(goes(paths, { targetFolders })).toEqual({
      'INBOX|Sent': 'Sent Items',
      'INBOX|Sent|2019': 'Sent Items|2019',
      'INBOX|Sent|2019|Q1 ': 'Sent Items|2019|Q1',
    });
  });

  test('T8: children of one name that meet below a special folder stay apart', () => {
    const targetFolders = [{ path: ['Sent Items'], role: 'sent' as const }];
    expect(goes([['Sent'], ['Sent', '2019'], ['Sent Items', '2019']], { targetFolders })).toEqual({
      Sent: 'Sent Items',
      'Sent Items|2019': 'Sent Items|2019',
      'Sent|2019': 'Sent Items|2019 (2)',
    });
  });
});

describe('later passes', () => {
  test('T11: a mapping that is taken back moves no folder that an earlier pass has placed', () => {
    const folders = [folder(['Sent'], 'sent'), folder(['Alt']), folder(['Alt', '2019'])];
    const placed = placedBy(folders, { ...RULES, mapping: { Sent: 'Gesendet', Alt: 'Ablage' } });
    const plan = planFolders(folders, { ...RULES, placed });
    expect(plan.folders.map(({ targetPath, role }) => [targetPath, role])).toEqual([
      [['Ablage'], null],
      [['Gesendet'], null],
      [['Ablage', '2019'], null],
    ]);
    expect(plan.renames.map(({ reason }) => reason)).toEqual(['kept', 'kept', 'follows-parent']);
  });

  test('T11: a new mapping moves the folder and those below it, and nothing else', () => {
    const folders = [folder(['Alt']), folder(['Alt', '2019']), folder(['Neu'])];
    const placed = placedBy(folders, RULES);
    const plan = planFolders(folders, { ...RULES, placed, mapping: { Alt: 'Ablage' } });
    expect(plan.folders.map(({ targetPath }) => targetPath)).toEqual([['Ablage'], ['Neu'], ['Ablage', '2019']]);
  });

  test('T13: a folder that was renamed at the source stays where it was copied to, and that is told', () => {
    // The caller has recognised it, e.g. by UIDVALIDITY, and names it by its new id.
    const plan = planFolders([folder(['Projekte', 'Neu'])], {
      ...RULES,
      placed: new Map([[folder(['Projekte', 'Neu']).id, ['Alt']]]),
    });
    expect(plan.renames).toEqual([{ from: ['Projekte', 'Neu'], to: ['Alt'], reason: 'kept' }]);
  });

  test.each([
    ['foo', 'Foo', FOLDING],
    ['a ', 'a', RULES],
    ['Dr. X', 'Dr- X', { ...RULES, separator: '.' }],
  ])('a folder %j keeps its place when %j appears', (earlier, later, rules) => {
    const placed = placedBy([folder([earlier])], rules);
    const plan = planFolders([folder([later]), folder([earlier])], { ...rules, placed });
    const to = Object.fromEntries(plan.folders.map(({ source, targetPath }) => [source.path[0], targetPath]));
    expect(to[earlier]).toEqual(placed.get(earlier));
    expect(placeKey(to[later] ?? [], rules)).not.toBe(placeKey(to[earlier] ?? [], rules));
  });

  const NAMES = fc.constantFrom(
    'a',
    'A',
    'a ',
    'a.b',
    'a-b',
    'a (2)',
    'Sent',
    'sent',
    'Gesendet',
    'Files',
    '',
    'INBOX',
    'ä',
  );
  const PATHS = fc.uniqueArray(fc.array(NAMES, { minLength: 1, maxLength: 4 }), {
    selector: (path) => path.join('\u001f'),
  });
  const TARGETS = fc.record({
    separator: fc.constantFrom('/', '.'),
    rootIsInbox: fc.boolean(),
    caseInsensitive: fc.boolean(),
    maxDepth: fc.constantFrom(1, 2, 9),
  });

  test('no order of the list, and no other pass over the same folders, changes a plan', () => {
    fc.assert(
      fc.property(PATHS, TARGETS, (paths, target) => {
        const rules = { ...RULES, ...target };
        const folders = paths.map((path) => folder(path));
        const plan = planFolders(folders, rules);
        expect(planFolders(folders.toReversed(), rules)).toEqual(plan);
        const placed = placedBy(folders, rules);
        const targetFolders = plan.folders.map(({ targetPath, role }) => ({ path: targetPath, role }));
        const again = planFolders(folders, { ...rules, placed, targetFolders });
        expect(again.folders.map(({ targetPath }) => targetPath)).toEqual(
          plan.folders.map(({ targetPath }) => targetPath),
        );
      }),
    );
  });

  test('whatever the names, no two folders without a role share a place, each is one that the target holds, and each rename is told', () => {
    fc.assert(
      fc.property(PATHS, TARGETS, (paths, target) => {
        const rules = { ...RULES, ...target };
        const { folders, renames } = planFolders(
          paths.map((path) => folder(path)),
          rules,
        );
        expect(folders).toHaveLength(paths.length);
        const keys = folders
          .filter(
            ({ role, source }) =>
              role === null && !['sent', 'gesendet'].includes((source.path.at(-1) ?? '').toLowerCase()),
          )
          .map(({ targetPath }) => placeKey(targetPath, rules));
        expect(new Set(keys).size).toBe(keys.length);
        for (const { source, targetPath } of folders) {
          expect(targetPath.length).toBeLessThanOrEqual(rules.maxDepth);
          expect(repairPath(targetPath, rules.separator)).toEqual(targetPath);
          const told = renames.some(({ from }) => from === source.path);
          if (JSON.stringify(source.path) !== JSON.stringify(targetPath)) expect(told).toBe(true);
        }
      }),
    );
  });

  test('folders that appear later move none that is there', () => {
    fc.assert(
      fc.property(PATHS, PATHS, TARGETS, (earlier, later, target) => {
        const rules = { ...RULES, ...target };
        const first = earlier.map((path) => folder(path));
        const placed = placedBy(first, rules);
        const known = new Set(first.map(({ id }) => id));
        const all = [...later.map((path) => folder(path)).filter(({ id }) => !known.has(id)), ...first];
        for (const { source, targetPath } of planFolders(all, { ...rules, placed }).folders) {
          if (known.has(source.id)) expect(targetPath).toEqual(placed.get(source.id));
        }
      }),
    );
  });
});

describe('a mailbox', () => {
  const account = (user: string) => ({ endpoint: testEndpoint('imap.example.test'), user, secret: 'env:NONE' });
  const look = (old: MemoryMailSystem) =>
    preflightMailbox({
      connector: createMemoryMailConnector({ old, new: new MemoryMailSystem() }),
      source: account('old'),
      target: account('new'),
      mapping: {},
      signal: new AbortController().signal,
    });

  test.each(['lists none', 'lists none that holds mail'])('T14: a source that %s fails', async (what) => {
    const old = new MemoryMailSystem();
    old.folders.length = 0;
    if (what !== 'lists none') old.addFolder(['Kunden'], null, false);
    expect(await look(old)).toMatchObject({ ok: false, code: 'NO_FOLDERS', folders: 0 });
  });

  test('T15: more than a thousand folders are all listed, and each has its place', async () => {
    const old = new MemoryMailSystem();
    for (let number = 0; number < 1_200; number += 1) old.addFolder([`Kunde ${number % 40}`, `Akte ${number}`]);
    old.addMessage(['Kunde 39', 'Akte 1199'], 'Subject: last\r\n\r\n');
    expect(await look(old)).toMatchObject({ ok: true, folders: 1_201, messages: 1, renames: [] });
    const paths = Array.from({ length: 4_841 }, (_, number) => [`Kunde ${number % 40}`, `Akte ${number}`]);
    expect(new Set(Object.values(goes(paths))).size).toBe(4_841);
  });
});
