import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import { isFlagged } from '../../lab/exchange/mail/items.ts';
import { GERMAN_NAMES } from '../../lab/exchange/mail/special-folders.ts';
import { ExchangeLab, type ExchangeLabOptions, OWNER } from '../support/exchange-imap.ts';
import { DELTA } from '../support/memory-world.ts';

let lab: ExchangeLab;

beforeEach(async () => {
  lab = await ExchangeLab.start();
});
afterEach(() => lab.close());

async function restart(options: ExchangeLabOptions): Promise<void> {
  await lab.close();
  lab = await ExchangeLab.start(options);
}

function letter(subject: string, more = ''): string {
  const head = [`Subject: ${subject}`, 'From: ben@example.test', 'Date: Thu, 01 Jan 2026 09:00:00 +0000'];
  return `${[...head, ...(more === '' ? [] : [more])].join('\r\n')}\r\n\r\nHello, ${subject}.\r\n`;
}

/** Commands that change something. */
function countWrites(): number {
  return ['APPEND', 'STORE', 'UID STORE', 'CREATE'].reduce(
    (sum, name) => sum + (lab.imap.commandCounts.get(name) ?? 0),
    0,
  );
}

/** Nothing was sent, the check agrees, and another pass writes nothing. */
async function expectSound(): Promise<void> {
  expect(await lab.verify()).toMatchObject({ faults: 0 });
  const writes = countWrites();
  expect(await lab.copy({}, DELTA)).toMatchObject({ moved: 0, reflagged: 0 });
  expect(countWrites()).toBe(writes);
  expect(lab.tenant.outgoing.list).toEqual([]);
}

describe('messages that Exchange does not take as they are', () => {
  test('T16, T21, T51: thirty with lines that are too long are repaired, and no connection is ended for its errors', async () => {
    for (let n = 0; n < 30; n += 1) {
      lab.source.addMessage(['INBOX'], `${letter(`long ${n}`)}${'x'.repeat(12_000)}\r\n`, ['\\Seen']);
      lab.source.addMessage(['INBOX'], letter(`plain ${n}`), ['\\Seen']);
    }
    const ended = endedConnections();
    expect(await lab.copy()).toMatchObject({ copied: 30, repaired: 30 });
    expect(lab.seen()).toHaveLength(60);
    expect(ended()).toBe(0);
    await expectSound();
  });

  test('NUL, which no literal can hold, is replaced and told', async () => {
    lab.source.addMessage(['INBOX'], `${letter('nul')}a\0b\r\n`, ['\\Seen']);
    expect(await lab.copy()).toMatchObject({ repaired: 1 });
    expect(lab.account.inbox.messages[0]?.raw.includes(0)).toBe(false);
    await expectSound();
  });

  test('T22, T24: one over the limit of who signs in is named with the command that raises it; then it follows', async () => {
    lab.imap.quirks.maxMessageBytesOf = () => 5_000;
    lab.source.addMessage(['INBOX'], letter('small'), ['\\Seen']);
    lab.source.addMessage(['INBOX'], `${letter('large')}${'x\r\n'.repeat(3_000)}`, ['\\Seen']);
    expect(await lab.copy()).toMatchObject({ copied: 1, refused: 1 });
    const [refused] = await collect(lab.ledger.listExceptions('mbx-1'));
    expect(refused).toMatchObject({ state: 'refused', code: 'MESSAGE_TOO_LARGE' });
    lab.imap.quirks.maxMessageBytesOf = () => 50_000;
    expect(await lab.copy({ retryRefused: true }, DELTA)).toMatchObject({ copied: 1 });
    expect(lab.account.inbox.messages).toHaveLength(2);
  });
});

describe('folders', () => {
  test('T7: the special folders of a German mailbox take those of the source, though their English names are taken', async () => {
    await restart({ tenant: { folderNames: GERMAN_NAMES } });
    lab.source.addFolder(['Sent'], 'sent');
    lab.source.addFolder(['Trash'], 'trash');
    for (const path of [['Sent'], ['Trash'], ['Sent', '2019']])
      lab.source.addMessage(path, letter(path.join(' ')), ['\\Seen']);
    const before = lab.account.listFolders().length;
    await lab.copy();
    const places = lab.account.listFolders().filter(({ messages }) => messages.length > 0);
    expect(places.map(({ role, path }) => role ?? path.at(-1)).toSorted()).toEqual(['2019', 'sent', 'trash']);
    expect(lab.account.listFolders()).toHaveLength(before + 1);
    await expectSound();
  });

  test('T9: names that Exchange keeps for itself get another, and the plan told it', async () => {
    for (const name of ['Files', 'Calendar', 'contacts']) lab.source.addMessage([name], letter(name), ['\\Seen']);
    const { renames, copied } = await lab.copy();
    expect(copied).toBe(3);
    expect(renames.map(({ from }) => from.join()).toSorted()).toEqual(['Calendar', 'Files', 'contacts']);
    await expectSound();
  });

  test('two names that differ in case are one folder here, and nothing of either is lost', async () => {
    lab.source.addMessage(['Projekte'], letter('one'), ['\\Seen']);
    lab.source.addMessage(['PROJEKTE'], letter('two'), ['\\Seen']);
    expect(await lab.copy()).toMatchObject({ copied: 2 });
    expect(lab.seen()).toHaveLength(2);
    await expectSound();
  });
});

describe('flags', () => {
  test('T68: a flagged message is flagged for Outlook, Graph and EWS as well', async () => {
    lab.source.addMessage(['INBOX'], letter('flagged'), ['\\Seen', '\\Flagged']);
    await lab.copy();
    const [message] = lab.account.inbox.messages;
    expect(message?.flags.has('\\Flagged')).toBe(true);
    expect(message && isFlagged(message, lab.tenant.items.of(message))).toBe(true);
    await expectSound();
  });

  test('T69: $MDNSent does not become a category, in whatever pass it comes, and an unchanged mailbox costs no write', async () => {
    lab.source.addMessage(['INBOX'], letter('receipted'), ['\\Seen', '$MDNSent']);
    lab.source.addMessage(['INBOX'], letter('later'), ['\\Seen']);
    await lab.copy();
    await expectSound();
    lab.source.setFlags(['INBOX'], 2, ['\\Seen', '$MdnSent', '\\Answered']);
    await lab.copy({}, { kind: 'delta', number: 3 });
    expect(lab.account.inbox.messages.flatMap((message) => lab.tenant.items.of(message).categories)).toEqual([]);
    expect(lab.account.inbox.messages[1]?.flags.has('\\Answered')).toBe(true);
    const writes = countWrites();
    await lab.copy({}, { kind: 'delta', number: 4 });
    expect(countWrites()).toBe(writes);
  });
});

describe('a server that has had enough', () => {
  test('T53: a back-off is waited out to the millisecond, and the same message is sent again', async () => {
    for (const subject of ['one', 'two', 'three']) lab.source.addMessage(['INBOX'], letter(subject), ['\\Seen']);
    let appends = 0;
    lab.imap.quirks.throttle = ({ name }) => {
      if (name === 'APPEND') appends += 1;
      return name === 'APPEND' && appends === 2 ? 299_961 : null;
    };
    const faults = await lab.copyUntilDone();
    expect(faults.map(({ code, retryAfterMs }) => [code, retryAfterMs])).toEqual([['THROTTLED', 299_961]]);
    expect(appends).toBe(4);
    await expectSound();
  });

  test('T54: "Server Unavailable. 15" of a full mailbox holds it; with more room the rest follows', async () => {
    for (const subject of ['one', 'two', 'three']) lab.source.addMessage(['INBOX'], letter(subject), ['\\Seen']);
    lab.imap.quirks.quotaBytesOf = () => letter('three').length + 20;
    await expect(lab.copy()).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED', kind: { reaction: 'pause' } });
    expect(lab.seen()).toHaveLength(1);
    lab.imap.quirks.quotaBytesOf = () => null;
    await lab.copy();
    expect(lab.seen()).toHaveLength(3);
    await expectSound();
  });

  test('T37, T50: an answer to APPEND that is lost with its connection doubles nothing', async () => {
    for (const subject of ['one', 'twin', 'twin']) lab.source.addMessage(['INBOX'], letter(subject), ['\\Seen']);
    let lost = 0;
    lab.imap.faults = {
      onResponse: (response, command) => {
        if (command?.name !== 'APPEND' || command.count !== 2 || !/^\S+ OK/.test(response.toString('latin1')))
          return undefined;
        lost += 1;
        return 'drop';
      },
    };
    expect((await lab.copyUntilDone()).map(({ code }) => code)).toEqual(['CONNECTION_LOST']);
    expect(lost).toBe(1);
    expect(lab.seen()).toHaveLength(3);
    await expectSound();
  });
});

test('T57: a token that ends in the middle ends the session; the next attempt has a fresh one and goes on where it was', async () => {
  let clock = Date.now();
  await restart({ tenant: { now: () => clock } });
  for (const subject of ['one', 'two', 'three', 'four']) lab.source.addMessage(['INBOX'], letter(subject), ['\\Seen']);
  const connector = lab.connector();
  lab.open = async () => await connector.openTarget(lab.mailAccount(), new AbortController().signal);
  let ended = 0;
  lab.imap.faults = {
    onCommand: ({ name, count }) => {
      if (name !== 'APPEND' || count !== 2 || ended > 0) return undefined;
      ended += 1;
      // Half an hour before it was said to end; the server ends the session in place of an answer.
      clock += 30 * 60_000;
      lab.tenant.access.revokeTokens();
      return undefined;
    },
  };
  const given = lab.tenant.access.given;
  expect((await lab.copyUntilDone()).map(({ code }) => code)).toEqual(['CONNECTION_LOST']);
  expect(ended).toBe(1);
  expect(lab.tenant.access.given - given).toBe(2);
  // One more than there are messages: the one that was not answered.
  expect(lab.imap.commandCounts.get('APPEND')).toBe(5);
  expect(lab.seen()).toHaveLength(4);
  await expectSound();
});

test.each([
  ['its licence', () => lab.tenant.state.findUser(OWNER)?.licences.clear()],
  ['the right of the application to it', () => lab.tenant.access.mailboxes.removeFullAccess(OWNER, 'transfer')],
] as const)('T55: a mailbox that loses %s in the middle is held, and nothing is told as lost', async (_what, take) => {
  for (const subject of ['one', 'two', 'three', 'four']) lab.source.addMessage(['INBOX'], letter(subject), ['\\Seen']);
  lab.imap.faults = {
    onAppended: () => {
      if (lab.account.inbox.messages.length === 2) take();
    },
  };
  await expect(lab.copy()).rejects.toMatchObject({ code: 'IMAP_NOT_CONNECTED', kind: { reaction: 'pause' } });
  expect(lab.seen()).toHaveLength(2);
  const states = (await collect(lab.ledger.listExceptions('mbx-1'))).map(({ state }) => state);
  expect(states).not.toContain('refused');
  expect(lab.refused).toEqual([]);
});

/** Connections that the server ended with BYE. */
function endedConnections(): () => number {
  let ended = 0;
  lab.imap.faults = {
    onResponse: (response) => {
      if (response.toString('latin1').startsWith('* BYE Connection is closed')) ended += 1;
      return undefined;
    },
  };
  return () => ended;
}
