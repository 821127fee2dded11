import { afterEach, describe, expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { SourceFolder } from '../../domain/mail.ts';
import { ALL_CAPABILITIES, EXCHANGE_CAPABILITIES, type ImapServerOptions } from '../../lab/imap/options.ts';
import { type ImapLab, startImapLab } from '../support/imap-lab.ts';

const INBOX: SourceFolder = { id: 'INBOX', path: ['INBOX'], role: 'inbox', selectable: true };
const labs: ImapLab[] = [];

afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.close();
});

async function startLab(options: Partial<ImapServerOptions> = {}): Promise<ImapLab> {
  const lab = await startImapLab(options);
  labs.push(lab);
  return lab;
}

function mail(text: string, flags: readonly string[] = []) {
  return { raw: Buffer.from(`Subject: ${text}\r\n\r\n${text}\r\n`), flags, receivedAt: '2026-01-02T03:04:05Z' };
}

describe('reading several messages', () => {
  /** Messages 1 to 4; `bend` changes what the server sends, by the command that it answers. */
  async function readAll(bend: (text: string, command: string) => string | undefined, uids = [1, 2, 3, 4]) {
    const lab = await startLab({
      hooks: {
        onResponse: (response, command) => {
          const bent = bend(response.toString('latin1'), command?.text ?? '');
          return bent === undefined ? undefined : Buffer.from(bent, 'latin1');
        },
      },
    });
    for (const text of ['one', 'two', 'three', 'four']) lab.inbox.append({ raw: mail(text).raw });
    const source = await lab.openSource();
    const { uidValidity } = await source.getStatus(INBOX);
    const found = await collect(source.readMessages(INBOX, uidValidity, uids));
    const results = found.map(({ uid, result }): [number, string] => [
      uid,
      result instanceof MigrationError ? result.code : (/^Subject: (\w+)/.exec(result.raw.toString())?.[1] ?? ''),
    ]);
    return { results: results.toSorted(([a], [b]) => a - b), lab, source, uidValidity };
  }
  const isRange = (command: string) => command.includes('UID FETCH 1:4 ');
  const ALL = [
    [1, 'one'],
    [2, 'two'],
    [3, 'three'],
    [4, 'four'],
  ];

  test('is one command', async () => {
    const { results, lab } = await readAll(() => undefined);
    expect(results).toEqual(ALL);
    expect(lab.server.commandCounts.get('UID FETCH')).toBe(1);
  });

  test('T26: a message that comes short is asked for by parts, then named alone', async () => {
    const shorten = (text: string) =>
      text.replace(/BODY\[\] \{\d+\}\r\nSubject: two[\s\S]*\)\r\n$/, 'BODY[] {3}\r\nSub)\r\n');
    expect((await readAll(shorten)).results).toEqual(ALL);
    const cut = (text: string) =>
      shorten(text).replace(/BODY\[\]<\d+> \{\d+\}\r\n[\s\S]*\)\r\n$/, 'BODY[]<0> {3}\r\nSub)\r\n');
    expect((await readAll(cut)).results).toEqual(ALL.map(([uid, text]) => [uid, uid === 2 ? 'MESSAGE_DAMAGED' : text]));
  });

  test('T28: a row that cannot be read is asked for alone, and is not taken for a message that has gone', async () => {
    const garble = (text: string) => text.replace('* 3 FETCH (UID 3', '* 3 FETCH ((((UID 3');
    expect((await readAll((text, command) => (isRange(command) ? garble(text) : undefined))).results).toEqual(ALL);
    expect((await readAll(garble)).results).toEqual(
      ALL.map(([uid, text]) => [uid, uid === 3 ? 'MESSAGE_DAMAGED' : text]),
    );
  });

  test('T28: a refusal of all because of one costs that one alone', async () => {
    const refuse = (text: string, command: string) => {
      if (!/UID FETCH (1:4|3) \(.*BODY/.test(command)) return undefined;
      if (/^\* [34] FETCH/.test(text)) return '';
      return text.replace(/^(\w+) OK.*/, '$1 NO [SERVERBUG] Internal error occurred');
    };
    const { results } = await readAll(refuse);
    expect(results).toEqual(ALL.map(([uid, text]) => [uid, uid === 3 ? 'MESSAGE_DAMAGED' : text]));
  });

  test('leaves out rows that come twice, that nobody asked for, and messages that have gone', async () => {
    const noise = (text: string) =>
      /^\* 2 FETCH/.test(text)
        ? `* 1 FETCH (FLAGS (\\Seen))\r\n* 3 FETCH (UID 3 FLAGS ())\r\n${text}${text}`
        : undefined;
    expect((await readAll(noise, [1, 2, 4, 9])).results).toEqual([
      [1, 'one'],
      [2, 'two'],
      [4, 'four'],
    ]);
  });

  test('T44: names nothing where a hole was asked for', async () => {
    const { source, uidValidity } = await readAll(() => undefined);
    expect(await collect(source.readMessages(INBOX, uidValidity, [77]))).toEqual([]);
  });
});

test('a census row that cannot be read fails the census instead of losing the message', async () => {
  const lab = await startLab({
    hooks: {
      onResponse: (response) =>
        response.includes('* 2 FETCH')
          ? Buffer.from(response.toString('latin1').replace('(UID', '((((UID'))
          : undefined,
    },
  });
  for (const text of ['one', 'two']) lab.inbox.append({ raw: mail(text).raw });
  const source = await lab.openSource();
  await expect(collect(source.listMessages(INBOX))).rejects.toMatchObject({ code: 'PROTOCOL_VIOLATION' });
});

test('the first status after a list costs no command where the server has LIST-STATUS, the second one does', async () => {
  const lab = await startLab();
  const source = await lab.openSource();
  await collect(source.listFolders());
  lab.inbox.append({ raw: mail('late').raw });
  expect(await source.getStatus(INBOX)).toMatchObject({ exists: 0, uidNext: 1, highestModSeq: '1' });
  expect(lab.server.commandCounts.get('STATUS')).toBeUndefined();
  expect(await source.getStatus(INBOX)).toMatchObject({ exists: 1, uidNext: 2 });
  expect(lab.server.commandCounts.get('STATUS')).toBe(1);
});

test('T40: a Gmail source tells the labels and the one id of a message', async () => {
  const lab = await startLab({
    capabilities: [...ALL_CAPABILITIES, 'X-GM-EXT-1'],
    hooks: {
      onCommand: ({ name, text, tag }) => {
        if (name !== 'UID FETCH') return undefined;
        expect(text).toContain('X-GM-MSGID');
        const labels = '(\\Inbox "B&APw-ro" "\\\\Sent")';
        const row = `UID 1 FLAGS () RFC822.SIZE 9 X-GM-MSGID 1278455344230334865 X-GM-LABELS ${labels}`;
        return { raw: `* 1 FETCH (${row})\r\n${tag} OK Done\r\n` };
      },
    },
  });
  lab.inbox.append({ raw: mail('one').raw });
  const [entry] = await collect((await lab.openSource()).listMessages(INBOX));
  expect(entry).toMatchObject({ labels: ['\\Inbox', 'Büro', '\\Sent'], originId: '1278455344230334865' });
});

describe('adding several messages', () => {
  test('is one command without a wait, but for a literal that the server had better look at first', async () => {
    let asked = 0;
    const lab = await startLab({
      hooks: {
        onResponse: (response) => {
          if (response.toString('latin1', 0, 2) === '+ ') asked += 1;
          return undefined;
        },
      },
    });
    const { target, folder } = await lab.openTarget();
    asked = 0; // signing in asks, too
    const huge = { ...mail('huge'), raw: Buffer.alloc((1 << 20) + 1, 'x') };
    await target.appendAll(folder, [mail('one'), mail('two')]);
    expect(lab.server.commandCounts.get('APPEND')).toBe(1);
    expect(lab.inbox.messages.map(({ raw }) => raw.toString())).toEqual(
      [mail('one'), mail('two')].map(({ raw }) => raw.toString()),
    );
    expect(asked).toBe(0);
    await target.appendAll(folder, [mail('three'), huge, mail('four')]);
    expect(asked).toBe(1);
    expect(lab.server.commandCounts.get('APPEND')).toBe(2);
    expect(lab.inbox.messages.map(({ raw }) => raw.length).at(3)).toBe(huge.raw.length);
    expect(lab.inbox.messages).toHaveLength(5);
  });

  test.each([
    ['5:7', [5, 6, 7]],
    ['5,7:8', [5, 7, 8]],
    ['5:6', [null, null, null]],
    ['5:*', [null, null, null]],
    ['x', [null, null, null]],
  ])('reads the UIDs of "%s"', async (set, uids) => {
    const lab = await startLab({
      hooks: {
        onResponse: (response) => {
          const text = response.toString('latin1');
          return text.includes('APPENDUID')
            ? Buffer.from(text.replace(/(APPENDUID \d+) \S+\]/, `$1 ${set}]`))
            : undefined;
        },
      },
    });
    const { target, folder } = await lab.openTarget();
    const appended = await target.appendAll(folder, [mail('one'), mail('two'), mail('three')]);
    expect(appended.map(({ id }) => id?.uid ?? null)).toEqual(uids);
  });

  test('a refusal means that none of them happened', async () => {
    const lab = await startLab({
      hooks: { onAppend: (message) => (message.raw.includes('two') ? { reply: 'NO [CANNOT] Not this one' } : message) },
    });
    const { target, folder } = await lab.openTarget();
    const adding = target.appendAll(folder, [mail('one'), mail('two')]);
    await expect(adding).rejects.toMatchObject({ code: 'MESSAGE_REFUSED' });
    expect(lab.inbox.messages).toHaveLength(0);
  });

  test('an answer that cannot be read is an unknown outcome, and junk beside a good one is none', async () => {
    const bend = (to: string) => ({
      onResponse: (response: Buffer) => {
        const text = response.toString('latin1');
        return text.includes('APPENDUID') ? Buffer.from(text.replace(/^(\w+) OK.*/, to), 'latin1') : undefined;
      },
    });
    const garbled = await startLab({ hooks: bend('$1 OK [APPENDUID "\r\n') });
    const first = await garbled.openTarget();
    await expect(first.target.append(first.folder, mail('one'))).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    expect(garbled.inbox.messages).toHaveLength(1);
    const junky = await startLab({ hooks: bend('* 1 FETCH ((((\r\n$1 OK [APPENDUID 7 1] Done') });
    const second = await junky.openTarget();
    expect((await second.target.append(second.folder, mail('one'))).id).toEqual({ uidValidity: '7', uid: 1 });
  });

  test('T24: one that is over the announced limit keeps all of them back', async () => {
    const lab = await startLab({ capabilities: [...ALL_CAPABILITIES, 'APPENDLIMIT=40'] });
    const { target, folder } = await lab.openTarget();
    expect(target.maxMessageBytes).toBe(40);
    const adding = target.appendAll(folder, [mail('one'), { ...mail('x'), raw: Buffer.alloc(41, 'x') }]);
    await expect(adding).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    expect(lab.server.commandCounts.get('APPEND')).toBeUndefined();
  });
});

describe('flags at the target', () => {
  test('T68: at Exchange a flagged message is flagged by STORE as well', async () => {
    const lab = await startLab({ capabilities: EXCHANGE_CAPABILITIES });
    const { target, folder } = await lab.openTarget();
    expect(await target.append(folder, mail('one', ['\\Seen']))).toMatchObject({ droppedFlags: [] });
    expect(lab.server.commandCounts.get('UID STORE')).toBeUndefined();
    expect(await target.append(folder, mail('two', ['\\Seen', '\\Flagged']))).toMatchObject({ droppedFlags: [] });
    expect(lab.server.commandCounts.get('UID STORE')).toBe(1);
    expect([...(lab.inbox.messages[1]?.flags ?? [])].toSorted()).toEqual(['\\Flagged', '\\Seen']);
  });

  test('T68: a STORE that fails does not make the message one that was not added', async () => {
    const lab = await startLab({
      capabilities: EXCHANGE_CAPABILITIES,
      hooks: { onCommand: ({ name }) => (name === 'UID STORE' ? 'drop' : undefined) },
    });
    const { target, folder } = await lab.openTarget();
    const { id, droppedFlags } = await target.append(folder, mail('one', ['\\Flagged']));
    expect([id?.uid, droppedFlags]).toEqual([1, ['\\Flagged']]);
  });

  test('T69: keywords that PERMANENTFLAGS does not offer are named as dropped, and $MDNSent, of which Exchange makes a category', async () => {
    const permanentFlags = ['\\Seen', '\\Answered', '\\Flagged', '\\Deleted', '\\Draft', '$MDNSent'];
    const lab = await startLab({ capabilities: EXCHANGE_CAPABILITIES, permanentFlags });
    const { target, folder } = await lab.openTarget();
    const { droppedFlags } = await target.append(folder, mail('one', ['\\Seen', '$MDNSent', '$Label1']));
    expect(droppedFlags).toEqual(['$MDNSent', '$Label1']);
    expect([...(lab.inbox.messages[0]?.flags ?? [])]).toEqual(['\\Seen']);
  });

  test('what no command can carry is left out and named, and the rest is set', async () => {
    const lab = await startLab();
    const { target, folder } = await lab.openTarget();
    const strange = ['\\Strange', 'NIL', 'no atom', 'Grün', 'a"b', '(x)', 'x\r\nA1 LOGOUT', ''];
    const { droppedFlags } = await target.append(folder, mail('one', ['\\Recent', 'Junk', ...strange]));
    expect(droppedFlags).toEqual(strange);
    await target.storeFlags(folder, 1, { add: ['$Label1', ...strange], remove: ['Junk', 'NIL'] });
    expect([...(lab.inbox.messages[0]?.flags ?? [])]).toEqual(['$Label1']);
  });
});

describe('T54: "Server Unavailable. 15" to an APPEND', () => {
  test.each([
    ['is a full mailbox where the quota says so', '(STORAGE 1000 1000)', 'QUOTA_EXCEEDED'],
    ['is a full mailbox where the message does not fit', '(STORAGE 999 1000)', 'QUOTA_EXCEEDED'],
    ['is a busy server where there is room', '(STORAGE 10 1000)', 'SERVER_BUSY'],
  ])('%s', async (_, quota, code) => {
    const lab = await startLab({
      capabilities: [...ALL_CAPABILITIES, 'QUOTA'],
      hooks: {
        onAppend: () => ({ reply: 'NO Server Unavailable. 15' }),
        onCommand: ({ name, tag }) =>
          name === 'GETQUOTAROOT'
            ? { raw: `* QUOTAROOT INBOX ""\r\n* QUOTA "" ${quota}\r\n${tag} OK Done\r\n` }
            : undefined,
      },
    });
    const { target, folder } = await lab.openTarget();
    const message = { ...mail('x'), raw: Buffer.alloc(2_000, 'x') };
    await expect(target.append(folder, message)).rejects.toMatchObject({ code });
  });
});
