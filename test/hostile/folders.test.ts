/** Section 1 of the hostile cases, through the whole copy: names that break other tools, to servers that name folders in three ways. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FolderPath, FolderRole } from '../../domain/mail.ts';
import type { MailAccount } from '../../domain/ports/mail.ts';
import { startCyrus } from '../../lab/cyrus.ts';
import { startDovecot } from '../../lab/dovecot.ts';
import { EXCHANGE_CAPABILITIES } from '../../lab/imap/options.ts';
import { PASSWORD, plainAccount } from '../support/imap-accounts.ts';
import { ImapCopy } from '../support/imap-copy.ts';
import { type LabAccount, startLabAccount } from '../support/lab-account.ts';
import { DELTA, mailText } from '../support/memory-world.ts';
import { asOwner } from '../support/real-servers.ts';

const third = { kind: 'delta', number: 3 } as const;
const HOSTILE: readonly (readonly [path: FolderPath, wireName?: string])[] = [
  [['INBOX']],
  [['INBOX', 'EOM Reports ']],
  [['INBOX', 'EOM Reports']],
  [['INBOX', 'INBOX', 'COMPTA']],
  [[' PROBLEM']],
  [['Archive', 'Dr. Jones']],
  [['Some Stuff...']],
  [['Gesendete Objekte']],
  [['Gesendete Objekte', '2019']],
  [['Papierkorb']],
  [['Files']],
  [['Calendar']],
  [['Sync Issues']],
  [['R&D']],
  [['Entwürfe & März']],
  [['raw & ampersand'], 'raw & ampersand'],
  [['broken &Jjo'], 'broken &Jjo'],
  [['日本語', '受信']],
  [['a*b%c']],
  [['quo"te\\back']],
  [['foo']],
  [['Foo']],
];

/** In ASCII, so that the message needs no repair. */
function labelOf(path: FolderPath): string {
  return `in ${Buffer.from(JSON.stringify(path)).toString('hex')}`;
}

async function fillHostile(): Promise<LabAccount> {
  const source = await startLabAccount();
  for (const [path, wireName] of HOSTILE) {
    const folder = source.mailbox.ensureFolder(path, null, wireName);
    folder.append({ raw: Buffer.from(mailText(labelOf(path))) });
  }
  return source;
}

interface FoundFolder {
  readonly path: string;
  readonly use: string | null;
  readonly texts: readonly string[];
}

async function readFolders(account: MailAccount): Promise<readonly FoundFolder[]> {
  return await asOwner(account, async (client) => {
    const found: FoundFolder[] = [];
    for (const { path, flags, specialUse } of await client.list()) {
      if (flags.has('\\Noselect') || flags.has('\\NonExistent')) continue;
      const { exists } = await client.mailboxOpen(path, { readOnly: true });
      const rows = exists === 0 ? [] : await client.fetchAll('1:*', { source: true });
      found.push({
        path,
        use: specialUse ?? null,
        texts: rows.map(({ source }) => String(source).split('\r\n')[2] ?? ''),
      });
    }
    return found;
  });
}

describe.each([
  ['Dovecot', null],
  ['Cyrus with /', true],
  ['Cyrus with INBOX.', false],
] as const)('to %s', (_, modern) => {
  let account: MailAccount;
  let stop: () => Promise<void> = async () => undefined;
  beforeAll(async () => {
    const server =
      modern === null
        ? await startDovecot({ users: [{ name: 'ann', password: PASSWORD }] })
        : await startCyrus({ users: [], altnamespace: modern, unixhierarchysep: modern });
    stop = () => server.stop();
    account = plainAccount(server.port, 'ann');
  });
  afterAll(() => stop());

  test('T1, T2, T4, T5, T7, T8, T9, T10: each folder has one place, is told where it has another name, and comes no second time', async () => {
    const source = await fillHostile();
    const copy = new ImapCopy(source.account, account);
    const report = await copy.run();
    expect(report).toMatchObject({ copied: HOSTILE.length, refused: 0, faults: [], folders: HOSTILE.length });
    const found = (await readFolders(account)).filter(({ texts }) => texts.length > 0);
    // One message each, and no two folders of the source have met in one.
    expect(found.map(({ texts }) => texts.length)).toEqual(HOSTILE.map(() => 1));
    expect(found.flatMap(({ texts }) => texts).toSorted()).toEqual(HOSTILE.map(([path]) => labelOf(path)).toSorted());
    const placeOf = (path: FolderPath) => found.find(({ texts }) => texts[0] === labelOf(path));
    expect(placeOf(['INBOX'])?.path).toBe('INBOX');
    expect(placeOf(['INBOX', 'INBOX', 'COMPTA'])?.path).not.toMatch(/INBOX.INBOX.INBOX/);
    const sent = placeOf(['Gesendete Objekte']);
    if (modern !== false) expect(sent?.use).toBe('\\Sent');
    expect(placeOf(['Gesendete Objekte', '2019'])?.path.startsWith(sent?.path ?? '?')).toBe(true);
    expect(report.renames.map(({ from }) => from.join('/'))).toEqual(
      expect.arrayContaining(['INBOX/EOM Reports ', ' PROBLEM']),
    );
    for (let number = 2; number <= 4; number += 1) {
      expect(await copy.run({ kind: 'delta', number })).toMatchObject({
        moved: 0,
        alreadyThere: 0,
        unchanged: HOSTILE.length,
      });
    }
    expect((await readFolders(account)).filter(({ texts }) => texts.length > 0)).toEqual(found);
    expect(await copy.verify()).toMatchObject({ faults: 0 });
    await source.close();
  });

  test('T13: folders that are renamed and moved at the source between passes are not copied again', async () => {
    const source = await startLabAccount();
    for (const path of [['T13'], ['T13', 'Below'], ['T13 other']] as const) {
      for (const text of ['1', '2', '3'])
        source.mailbox.ensureFolder(path).append({ raw: Buffer.from(mailText(`${path} ${text}`)) });
    }
    const copy = new ImapCopy(source.account, account);
    expect(await copy.run()).toMatchObject({ copied: 9 });
    const folder = source.mailbox.findFolder(['T13']);
    if (folder) source.mailbox.renameFolder(folder, 'T13 other/Moved');
    source.mailbox.findFolder(['T13 other', 'Moved'])?.append({ raw: Buffer.from(mailText('late')) });
    expect(await copy.run(DELTA)).toMatchObject({ moved: 1, alreadyThere: 0 });
    const texts = (await readFolders(account)).flatMap((each) => each.texts).filter((text) => /^T13|^late/.test(text));
    expect(texts).toHaveLength(10);
    expect(await copy.run(third)).toMatchObject({ moved: 0 });
    await source.close();
  });
});

test('T1: a folder on which a target closes the connection costs nothing but itself', async () => {
  let closed = 0;
  const source = await startLabAccount();
  for (const name of ['A', 'Bad', 'C', 'D'])
    source.mailbox.ensureFolder([name]).append({ raw: Buffer.from(mailText(name)) });
  const target = await startLabAccount({
    capabilities: EXCHANGE_CAPABILITIES,
    hooks: {
      onCommand: ({ name, text }) => {
        if (!/^(SELECT|EXAMINE|STATUS)/.test(name) || !/\bBad\b/.test(text)) return undefined;
        closed += 1;
        return 'drop';
      },
    },
  });
  const copy = new ImapCopy(source.account, target.account);
  await copy.runUntilDone(8);
  expect(closed).toBeGreaterThan(0);
  const filled = target.mailbox.listFolders().filter(({ messages }) => messages.length > 0);
  expect(filled.map(({ path }) => path.join('/')).toSorted()).toEqual(['A', 'C', 'D']);
  expect((await copy.ledger.listFolders(copy.mailboxId)).filter(({ fault }) => fault !== null)).toMatchObject([
    { sourcePath: ['Bad'] },
  ]);
  await source.close();
  await target.close();
});

test('T7, T8: localised special folders go to the own ones of a target in another language, children and all', async () => {
  const names: readonly (readonly [name: string, role: FolderRole, own: string])[] = [
    ['Objets envoyés', 'sent', 'Gesendete Elemente'],
    ['Corbeille', 'trash', 'Gelöschte Elemente'],
    ['Brouillons', 'drafts', 'Entwürfe'],
    ['Courrier indésirable', 'junk', 'Junk-E-Mail'],
  ];
  const source = await startLabAccount();
  // Exchange tells no special uses, only names.
  const target = await startLabAccount({ capabilities: EXCHANGE_CAPABILITIES });
  for (const [name, , own] of names) {
    source.mailbox.ensureFolder([name]).append({ raw: Buffer.from(mailText(name)) });
    source.mailbox.ensureFolder([name, '2019']).append({ raw: Buffer.from(mailText(`${name} 2019`)) });
    target.mailbox.ensureFolder([own]);
  }
  const copy = new ImapCopy(source.account, target.account);
  expect(await copy.run()).toMatchObject({ copied: 8 });
  for (const [name, , own] of names) {
    const texts = (path: FolderPath) =>
      target.mailbox.findFolder(path)?.messages.map(({ raw }) => String(raw).split('\r\n')[2]);
    expect(texts([own])).toEqual([name]);
    expect(texts([own, '2019'])).toEqual([`${name} 2019`]);
  }
  await source.close();
  await target.close();
});

test('T11: a mapping that is changed between two passes takes nothing away and doubles nothing', async () => {
  const source = await startLabAccount();
  const target = await startLabAccount();
  for (const name of ['Sent', 'Projects'])
    source.mailbox.ensureFolder([name]).append({ raw: Buffer.from(mailText(name)) });
  const copy = new ImapCopy(source.account, target.account);
  await copy.run();
  const mailbox = { id: copy.mailboxId, mapping: { Sent: 'Elsewhere', Projects: 'Old/Projects' } };
  expect(await copy.run(DELTA, { mailbox })).toMatchObject({ moved: 0 });
  const all = target.mailbox.listFolders().flatMap(({ messages }) => messages.map(({ raw }) => String(raw)));
  expect(all.toSorted()).toEqual(['Projects', 'Sent'].map(mailText));
  expect(
    ['EXPUNGE', 'DELETE', 'UID EXPUNGE', 'RENAME'].map((name) => target.server.commandCounts.get(name) ?? 0),
  ).toEqual([0, 0, 0, 0]);
  await source.close();
  await target.close();
});

test.each(['lists no folder', 'opens none'])('T14: a source that %s fails the pass', async (how) => {
  let bent = 0;
  const source = await startLabAccount({
    hooks: {
      onCommand: ({ name }) => {
        if (how !== 'opens none' || !/^(EXAMINE|SELECT|STATUS)$/.test(name)) return undefined;
        bent += 1;
        return { reply: 'NO Internal error' };
      },
      onResponse: (response) => {
        if (how !== 'lists no folder' || !/^\* (LIST|STATUS)/.test(response.toString('latin1'))) return undefined;
        bent += 1;
        return Buffer.alloc(0);
      },
    },
  });
  const target = await startLabAccount();
  source.mailbox.inbox.append({ raw: Buffer.from(mailText('one')) });
  const copy = new ImapCopy(source.account, target.account);
  await expect(copy.run()).rejects.toMatchObject({ code: 'NO_FOLDERS' });
  expect(bent).toBeGreaterThan(0);
  await source.close();
  await target.close();
});
