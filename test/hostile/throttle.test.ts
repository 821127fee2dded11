/** Section 5 of the hostile cases: servers that ask for patience, are full, or refuse to let anybody in. */
import { afterEach, describe, expect, test } from 'vitest';
import { createImapConnector } from '../../adapters/imap/connector.ts';
import type { SignIns } from '../../domain/ports/connections.ts';
import type { ImapHooks } from '../../lab/imap/hooks.ts';
import { ALL_CAPABILITIES, EXCHANGE_CAPABILITIES, type ImapServerOptions } from '../../lab/imap/options.ts';
import { neverAborted, PASSWORD, plainAccount } from '../support/imap-accounts.ts';
import { ImapCopy } from '../support/imap-copy.ts';
import { type LabAccount, startLabAccount } from '../support/lab-account.ts';
import { DELTA, mailText } from '../support/memory-world.ts';
import { startScriptedImap } from '../support/scripted-imap.ts';
import { step } from '../support/scripted-steps.ts';

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function lab(options: Partial<Omit<ImapServerOptions, 'store'>> = {}): Promise<LabAccount> {
  const account = await startLabAccount(options);
  open.push(account);
  return account;
}

function fill({ mailbox }: LabAccount, texts: readonly string[]): void {
  for (const text of texts) mailbox.inbox.append({ raw: Buffer.from(mailText(text)) });
}

const textsOf = ({ mailbox }: LabAccount) => mailbox.inbox.messages.map(({ raw }) => String(raw).split('\r\n')[2]);
const LETTERS = ['a', 'b', 'c', 'd', 'e'];

/** In-memory memory of refused passwords. */
function rememberRefusals() {
  const refused = new Set<string>();
  const signIns: SignIns = {
    isRefused: async (account, secret) => refused.has(`${account} ${secret}`),
    recordRefused: async (account, secret) => void refused.add(`${account} ${secret}`),
    forget: async (account) => {
      for (const each of refused) if (each.startsWith(`${account} `)) refused.delete(each);
    },
  };
  return { refused, signIns };
}

describe.each([
  ['EXCHANGE', EXCHANGE_CAPABILITIES],
  ['MULTIAPPEND', ALL_CAPABILITIES],
])('T53: a throttled APPEND to a target with %s', (_, capabilities) => {
  test.each([
    ['BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds', 299_961],
    ['NO [THROTTLED] Slow down', undefined],
  ])('"%s" is handed on to the millisecond; the same message is next, and no other is marked', async (reply, ms) => {
    let throttled = 0;
    const onAppend: ImapHooks['onAppend'] = (message) => {
      if (!message.raw.includes('Subject: c') || throttled > 0) return message;
      throttled += 1;
      return { reply };
    };
    const source = await lab();
    const target = await lab({ capabilities, hooks: { onAppend } });
    const other = await lab();
    fill(source, LETTERS);
    const copy = new ImapCopy(source.account, target.account);
    const begun = performance.now();
    await expect(copy.run()).rejects.toMatchObject({ code: 'THROTTLED', retryAfterMs: ms });
    expect(performance.now() - begun).toBeLessThan(5_000); // the waiting is left to whoever asks again
    expect(throttled).toBe(1);
    const [folder] = await copy.ledger.tallyFolders(copy.mailboxId);
    expect(folder?.tally).toMatchObject({ refused: 0, vanished: 0 });
    expect(await copy.ledger.listIntended(copy.mailboxId)).toEqual([]);
    // Another mailbox goes on meanwhile.
    expect(await new ImapCopy(source.account, other.account).run()).toMatchObject({ copied: 5 });
    await copy.run();
    // In order: nothing has overtaken the one that was throttled.
    expect(textsOf(target)).toEqual(LETTERS);
    expect(await copy.run(DELTA)).toMatchObject({ moved: 0 });
  });
});

test('T53: a throttled FETCH, too, is handed on and repeated by nobody on the way', async () => {
  const server = await startScriptedImap({
    script: [
      step.line(/^UID FETCH .*BODY/),
      step.reply('{tag} BAD Request is throttled. Suggested Backoff Time: 12345 milliseconds\r\n'),
    ],
  });
  open.push(server);
  const target = await lab();
  server.store.addAccount('ann', PASSWORD).inbox.append({ raw: Buffer.from(mailText('a')) });
  const copy = new ImapCopy(plainAccount(server.port, 'ann'), target.account);
  await expect(copy.run()).rejects.toMatchObject({ code: 'THROTTLED', retryAfterMs: 12_345 });
  server.done();
  expect(await copy.run()).toMatchObject({ copied: 1 });
});

describe('T54: a target that is full', () => {
  test('holds the mailbox and refuses no message; after the quota was raised the rest follows', async () => {
    const room = { full: true, asked: 0 };
    const source = await lab();
    const target = await lab({
      capabilities: [...EXCHANGE_CAPABILITIES, 'QUOTA'],
      hooks: {
        onAppend: (message) =>
          room.full && target.mailbox.inbox.messages.length >= 2 ? { reply: 'NO Server Unavailable. 15' } : message,
        onCommand: ({ name, tag }) => {
          if (name !== 'GETQUOTAROOT') return undefined;
          room.asked += 1;
          return { raw: `* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 1000 1000)\r\n${tag} OK Done\r\n` };
        },
      },
    });
    fill(source, LETTERS);
    const copy = new ImapCopy(source.account, target.account);
    await expect(copy.run()).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED', kind: { reaction: 'pause' } });
    expect(room.asked).toBe(1);
    expect(await copy.listExceptions()).toHaveLength(3);
    expect((await copy.listExceptions()).filter(({ state }) => state === 'refused')).toEqual([]);
    room.full = false;
    expect(await copy.run()).toMatchObject({ copied: 3 });
    expect(textsOf(target).toSorted()).toEqual(LETTERS);
  });

  test('where there is room, the same words are a busy server, and nobody has to act', async () => {
    let busy = 0;
    const source = await lab();
    const target = await lab({
      hooks: {
        onAppend: (message) => {
          if (busy >= 2) return message;
          busy += 1;
          return { reply: 'NO Server Unavailable. 15' };
        },
      },
    });
    fill(source, LETTERS);
    const faults = await new ImapCopy(source.account, target.account).runUntilDone(4);
    expect(faults.map(({ code }) => code)).toEqual(['SERVER_BUSY', 'SERVER_BUSY']);
    expect(textsOf(target).toSorted()).toEqual(LETTERS);
  });
});

describe('signing in', () => {
  test.each([
    'NO [UNAVAILABLE] Temporary authentication failure.',
    'NO Account is temporarily unavailable.',
    'NO [LIMIT] Too many simultaneous connections.',
    'NO [INUSE] Mailbox is locked.',
  ])('T56: "%s" passes, and is never counted as a wrong password', async (reply) => {
    const { refused, signIns } = rememberRefusals();
    const connector = createImapConnector({ resolve: async () => PASSWORD }, { signIns });
    let answered = 0;
    const source = await lab({
      hooks: {
        onCommand: ({ name }) => {
          if (!/^(LOGIN|AUTHENTICATE)/.test(name) || answered >= 3) return undefined;
          answered += 1;
          return { reply };
        },
      },
    });
    const target = await lab();
    fill(source, LETTERS);
    const copy = new ImapCopy(source.account, target.account, connector);
    const faults = await copy.runUntilDone(5);
    expect(faults.map(({ code }) => code)).toEqual(['SERVER_BUSY', 'SERVER_BUSY', 'SERVER_BUSY']);
    expect(answered).toBe(3);
    expect(refused.size).toBe(0);
    expect(textsOf(target).toSorted()).toEqual(LETTERS);
  });

  test('T60: a wrong password is sent once, whoever asks again and for whatever migration, until a person says so', async () => {
    const { signIns } = rememberRefusals();
    const world = { password: 'wrong' };
    const connector = createImapConnector({ resolve: async () => world.password }, { signIns });
    const source = await lab();
    const signsIn = () =>
      (source.server.commandCounts.get('LOGIN') ?? 0) + (source.server.commandCounts.get('AUTHENTICATE') ?? 0);
    const ask = async () => await connector.openSource(source.account, neverAborted);
    for (let n = 0; n < 5; n += 1) {
      await expect(ask()).rejects.toMatchObject({ code: 'AUTH_FAILED', kind: { reaction: 'pause' } });
    }
    expect(signsIn()).toBe(1);
    await signIns.forget(`ann@127.0.0.1:${source.server.port}`);
    await expect(ask()).rejects.toMatchObject({ code: 'AUTH_FAILED' });
    expect(signsIn()).toBe(2);
    // Another password is another try.
    world.password = PASSWORD;
    await (await ask()).close();
    expect(signsIn()).toBe(3);
  });
});
