import { afterAll, beforeAll, expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import { planFolders } from '../../domain/folders.ts';
import type { FolderPath, SourceFolder } from '../../domain/mail.ts';
import { findLimits } from '../../domain/target-limits.ts';
import { type Dovecot, startDovecot } from '../../lab/dovecot.ts';
import { imapConnector, neverAborted, PASSWORD, plainAccount } from '../support/imap-accounts.ts';

/** A hostile tree, planned by what Dovecot tells of itself and then made there. */

let dovecot: Dovecot;
beforeAll(async () => {
  dovecot = await startDovecot({ users: [{ name: 'ann', password: PASSWORD }] });
});
afterAll(async () => await dovecot?.stop());

const PATHS: readonly FolderPath[] = [
  ['INBOX'],
  ['INBOX', 'EOM Reports '],
  ['INBOX', 'EOM Reports'],
  ['INBOX', 'INBOX', 'COMPTA'],
  [' PROBLEM'],
  ['Foo'],
  ['foo'],
  ['Ma\u0308rz'],
  ['März'],
  ['R&D'],
  ['R&D &AOQ'],
  ['a/b'],
  ['a-b'],
  ['a\u0007b'],
  ['half \ud83d'],
  ['~home'],
  ['.'],
  ['..'],
  ['x', '..', 'y'],
  ['', 'empty'],
  ['"quoted" \\ 100% * {1}'],
  ['語'.repeat(120)],
  [`${'語'.repeat(120)}!`],
  Array.from({ length: 40 }, (_, level) => `level ${level}`),
  ['Calendar'],
  ['👋'],
];

test('T1, T2, T4, T5, T9, T10: every folder of a hostile tree is made once under the name that was planned, and a second plan is the same', async () => {
  const sources = PATHS.map((path): SourceFolder => ({ id: JSON.stringify(path), path, role: null, selectable: true }));
  const target = await imapConnector.openTarget(plainAccount(dovecot.port, 'ann'), neverAborted);
  const { names } = findLimits(target.facts, target.separator);
  const rules = { ...names, rootIsInbox: target.rootIsInbox, mapping: {} };
  const plan = planFolders(sources, { ...rules, targetFolders: await collect(target.listFolders()) });
  const ids = new Set<string>();
  for (const { targetPath, role } of plan.folders) {
    const made = await target.ensureFolder(targetPath, role);
    expect(made.path).toEqual(targetPath);
    ids.add(made.id);
  }
  expect(ids.size).toBe(PATHS.length);
  const again = planFolders(sources, { ...rules, targetFolders: await collect(target.listFolders()) });
  expect(again).toEqual(plan);
  await target.close();
});
