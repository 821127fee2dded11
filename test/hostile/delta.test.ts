/** Section 7 of the hostile cases, through the whole copy: what a later pass must not do. */
import { expect, test } from 'vitest';
import { ALL_CAPABILITIES } from '../../lab/imap/options.ts';
import { ImapCopy } from '../support/imap-copy.ts';
import { startLabAccount } from '../support/lab-account.ts';
import { DELTA, mailText } from '../support/memory-world.ts';

const TAKE_AWAY = ['EXPUNGE', 'UID EXPUNGE', 'DELETE', 'RENAME', 'MOVE', 'UID MOVE', 'CLOSE'];
const third = { kind: 'delta', number: 3 } as const;

test('T72: mail that arrives at the target between passes stays, and what went from the source takes nothing along', async () => {
  const source = await startLabAccount();
  const target = await startLabAccount();
  for (const text of ['one', 'two', 'three']) source.mailbox.inbox.append({ raw: Buffer.from(mailText(text)) });
  const copy = new ImapCopy(source.account, target.account);
  await copy.run();
  for (const text of ['new at the target', 'two']) target.mailbox.inbox.append({ raw: Buffer.from(mailText(text)) });
  source.mailbox.inbox.expunge([1, 2]);
  expect(await copy.run(DELTA)).toMatchObject({ moved: 0 });
  source.mailbox.inbox.expunge([3]);
  expect(await copy.run({ kind: 'final', number: 3 })).toMatchObject({ moved: 0 });
  const there = target.mailbox.inbox.messages.map(({ raw }) => String(raw).split('\r\n')[2]);
  expect(there.toSorted()).toEqual(['new at the target', 'one', 'three', 'two', 'two']);
  expect(TAKE_AWAY.map((name) => target.server.commandCounts.get(name) ?? 0)).toEqual(TAKE_AWAY.map(() => 0));
  await source.close();
  await target.close();
});

test.each(['an empty list of folders', 'an empty folder', 'a folder that cannot be opened'])(
  'T73: %s where there was mail takes nothing away, and the mail is not brought again once it is back',
  async (how) => {
    let bent = 0;
    const source = await startLabAccount({
      // With it one command tells of all folders, and none is opened where nothing has changed.
      capabilities: ALL_CAPABILITIES.filter((name) => name !== 'LIST-STATUS'),
      hooks: {
        onCommand: ({ name, text }) => {
          if (bent < 0 || how !== 'a folder that cannot be opened') return undefined;
          if (!/^(EXAMINE|SELECT|STATUS)$/.test(name) || !text.includes('Work')) return undefined;
          bent += 1;
          return { reply: 'NO Internal error' };
        },
        onResponse: (response) => {
          const text = response.toString('latin1');
          if (bent < 0 || how !== 'an empty list of folders' || !/^\* (LIST|STATUS)/.test(text)) return undefined;
          bent += 1;
          return Buffer.alloc(0);
        },
      },
    });
    bent = -1;
    const target = await startLabAccount();
    const work = source.mailbox.ensureFolder(['Work']);
    for (const text of ['one', 'two', 'three']) work.append({ raw: Buffer.from(mailText(text)) });
    const copy = new ImapCopy(source.account, target.account);
    await copy.run();
    bent = 0;
    const kept = work.messages;
    if (how === 'an empty folder') work.expunge(kept.map(({ uid }) => uid));
    await copy.run(DELTA).catch((error: { code?: string }) => expect(error.code).toBe('NO_FOLDERS'));
    expect(target.mailbox.findFolder(['Work'])?.messages).toHaveLength(3);
    if (how === 'an empty folder') for (const { raw } of kept) work.append({ raw });
    else expect(bent).toBeGreaterThan(0);
    bent = -1;
    expect(await copy.run(third)).toMatchObject({ moved: 0 });
    expect(target.mailbox.findFolder(['Work'])?.messages).toHaveLength(3);
    expect(await copy.verify(third)).toMatchObject({ faults: 0 });
    await source.close();
    await target.close();
  },
);
