import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import type { FolderPath, FolderRole, Message } from '../../domain/mail.ts';
import { markOf } from '../../domain/marks.ts';
import type { MailTarget, TargetFolder, TargetMessage } from '../../domain/ports/mail.ts';

export interface TargetUnderTest {
  open(): Promise<MailTarget>;
  addFolder(path: FolderPath, role?: FolderRole): Promise<void>;
  close(): Promise<void>;
  readonly can: {
    readonly specialUse: boolean;
    readonly keywords: boolean;
    /** The server puts an X in the place of each 8-bit byte of a header. */
    readonly mungesHeaders?: true;
    /** System flags that it keeps; absent: all. */
    readonly flags?: readonly string[];
    /** Names that differ by case only are one folder. */
    readonly caseInsensitive?: true;
  };
  /** Makes a folder that the owner does not see: none of the mailbox's, whatever is in it. Absent: there are no such folders. */
  addHiddenFolder?(path: FolderPath): Promise<void>;
  /** Lets `visibleAfterMs` pass. To be there where that is not 0. */
  settle?(): Promise<void>;
}

const SYSTEM_FLAGS = ['\\Seen', '\\Flagged', '\\Answered', '\\Draft'];

/** With all that a target would else make up. */
function mail(text: string, more: Partial<Message> = {}): Message {
  const head = [
    'From: Ann <ann@example.test>',
    'To: ben@example.test',
    `Subject: ${text.slice(0, 40)}`,
    'Date: Fri, 2 Jan 2026 03:04:00 +0000',
    `Message-ID: <${text.slice(0, 10).replace(/\W/g, '.')}@example.test>`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
  ];
  const raw = Buffer.from(`${head.join('\r\n')}\r\n\r\n${text}\r\n`);
  return { raw, flags: [], receivedAt: '2026-01-02T03:04:05Z', ...more };
}

const PARTS = [
  'From: Ann <ann@example.test>\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nDate: Fri, 2 Jan 2026 03:04:00 +0000',
  'Message-ID: <parts@example.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n',
  '--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe\r\n',
  '--b\r\nContent-Type: application/pdf; name="a.pdf"\r\nContent-Disposition: attachment; filename="a.pdf"',
  'Content-Transfer-Encoding: base64\r\n\r\nAAECAwQF/v8=\r\n--b--\r\n',
].join('\r\n');

/** What every mail target promises. A new account for each test. */
export function mailTargetContract(name: string, makeTarget: () => Promise<TargetUnderTest>): void {
  describe(`the mail target (${name})`, () => {
    let world: TargetUnderTest;
    let target: MailTarget;

    beforeEach(async () => {
      world = await makeTarget();
      target = await world.open();
    });
    afterEach(async () => {
      await target?.close();
      await world?.close();
    });

    /** As `listMessages`, when everything that was written must be seen. */
    async function list(folder: TargetFolder, fromUid = 1): Promise<TargetMessage[]> {
      await world.settle?.();
      const messages: TargetMessage[] = [];
      // Of a message over 1 MiB the bytes are there until the next one is asked for.
      for await (const message of target.listMessages(folder, fromUid)) messages.push({ ...message });
      return messages;
    }

    /** The same message, as far as the target promises. */
    function expectSame(copy: Buffer | undefined, original: Buffer): void {
      if (target.fidelity === 'bytes') expect(copy?.equals(original)).toBe(true);
      else expect(markOf(copy ?? Buffer.alloc(0), target.fidelity)).toBe(markOf(original, target.fidelity));
    }

    test('makes a folder once, with its parents', async () => {
      const path = ['Büro & Co', '日本 2025'];
      const made = await target.ensureFolder(path, null);
      expect(made.path).toEqual(path);
      expect(await target.ensureFolder(path, null)).toEqual(made);
      const listed = (await collect(target.listFolders())).filter((folder) => folder.path.join() === path.join());
      expect(made).toMatchObject({ exists: 0, uidNext: 1 });
      expect(made).toMatchObject(listed[0] ?? {});
      expect(listed).toHaveLength(1);
      expect(await target.getStatus(made)).toMatchObject({ exists: 0 });
    });

    test('finds INBOX by its role', async () => {
      expect(await target.ensureFolder(['INBOX'], 'inbox')).toMatchObject({ path: ['INBOX'], role: 'inbox' });
    });

    test('T7: finds a special folder by its use before its name', async () => {
      await world.addFolder(['Gesendete Objekte'], 'sent');
      const sent = await target.ensureFolder(['Sent'], 'sent');
      expect(sent.path).toEqual(['Gesendete Objekte']);
    });

    test('T1, T4, T9: repairs names that it cannot hold, the same each time', async () => {
      const separator = target.separator ?? '/';
      const made = await target.ensureFolder([' Akten ', `Dr${separator} Jones`], null);
      expect(made.path).toHaveLength(2);
      expect(made.path[0]).toBe('Akten');
      expect(await target.ensureFolder([' Akten ', `Dr${separator} Jones`], null)).toEqual(made);
    });

    test('keeps bytes, date and flags', async () => {
      const inbox = await target.ensureFolder(['INBOX'], 'inbox');
      const odd = 'Subject: x\r\n\r\nnine \xe9\x01\x7f\r\n';
      const raw = Buffer.from(target.fidelity === 'bytes' ? odd : PARTS, 'latin1');
      const flags = [...(world.can.flags ?? SYSTEM_FLAGS)];
      const appended = await target.append(inbox, mail('', { raw, flags, receivedAt: '1999-12-31T23:59:59Z' }));
      expect(appended.droppedFlags).toEqual([]);
      const [copy] = await list(inbox);
      expectSame(copy?.raw, raw);
      expect(copy?.internalDate).toBe('1999-12-31T23:59:59Z');
      expect(copy?.flags.toSorted()).toEqual(flags.toSorted());
    });

    test('T18: keeps 8-bit bytes in headers, or is known not to', async () => {
      if (target.fidelity !== 'bytes') return;
      const inbox = await target.ensureFolder(['INBOX'], 'inbox');
      const raw = Buffer.from('Subject: caf\xe9\r\n\r\ncaf\xe9\r\n', 'latin1');
      await target.append(inbox, mail('', { raw }));
      const [copy] = await list(inbox);
      const subject = world.can.mungesHeaders === true ? 'cafX' : 'caf\xe9';
      expect(copy?.raw.toString('latin1')).toBe(`Subject: ${subject}\r\n\r\ncaf\xe9\r\n`);
    });

    test('keeps keywords, or says which it dropped', async () => {
      const inbox = await target.ensureFolder(['INBOX'], 'inbox');
      const { droppedFlags } = await target.append(inbox, mail('k', { flags: ['\\Seen', '$Label1'] }));
      const [copy] = await list(inbox);
      expect(copy?.flags).toContain('\\Seen');
      if (world.can.keywords) expect(copy?.flags).toContain('$Label1');
      else expect([...droppedFlags, ...(copy?.flags ?? [])]).not.toContain('');
    });

    test('tells the UID of what it took, where it says that it does', async () => {
      const inbox = await target.ensureFolder(['INBOX'], 'inbox');
      const { uidValidity } = await target.getStatus(inbox);
      await target.append(inbox, mail('one'));
      const { id } = await target.append(inbox, mail('two'));
      expect(id).toEqual(target.reportsUid ? { uidValidity, uid: 2 } : null);
      expect(await target.getStatus(inbox)).toMatchObject({ exists: 2, uidNext: 3 });
    });

    test('adds several messages by one command, in order', async () => {
      if (!target.appendsMany) return;
      const inbox = await target.ensureFolder(['INBOX'], 'inbox');
      const { uidValidity } = await target.getStatus(inbox);
      const large = mail(`large ${'0123456789abcdef'.repeat(70_000)}`, { flags: ['\\Seen'] });
      const messages = [
        mail('one', { flags: ['\\Flagged'] }),
        large,
        mail('three', { receivedAt: null }),
        mail('four'),
      ];
      const appended = await target.appendAll(inbox, messages);
      const ids = [1, 2, 3, 4].map((uid) => (target.reportsUid ? { uidValidity, uid } : null));
      expect(appended).toEqual(ids.map((id) => ({ id, droppedFlags: [] })));
      const copies = await list(inbox);
      for (const [at, { raw }] of messages.entries()) expectSame(copies[at]?.raw, raw);
      expect(copies.map(({ flags }) => flags.join())).toEqual(['\\Flagged', '\\Seen', '', '']);
      expect(copies[3]?.internalDate).toBe('2026-01-02T03:04:05Z');
    });

    test('lists flags of those messages that are there', async () => {
      const inbox = await target.ensureFolder(['INBOX'], 'inbox');
      await target.append(inbox, mail('one', { flags: ['\\Seen'] }));
      for (const text of ['two', 'three']) await target.append(inbox, mail(text));
      await world.settle?.();
      expect(await collect(target.listFlags(inbox, [7, 3, 1]))).toEqual([
        { uid: 1, flags: ['\\Seen'] },
        { uid: 3, flags: [] },
      ]);
      expect(await collect(target.listFlags(inbox, []))).toEqual([]);
    });

    test('adds and removes flags, twice as once, and passes over a message that is not there', async () => {
      const inbox = await target.ensureFolder(['INBOX'], 'inbox');
      await target.append(inbox, mail('one', { flags: ['\\Seen', '\\Answered'] }));
      const kept = world.can.flags === undefined || world.can.flags.includes('\\Deleted') ? ['\\Deleted'] : [];
      await target.append(inbox, mail('two', { flags: kept }));
      await world.settle?.();
      const change = { add: ['\\Flagged'], remove: ['\\Seen'] };
      for (let twice = 0; twice < 2; twice += 1) await target.storeFlags(inbox, 1, change);
      await target.storeFlags(inbox, 99, { add: ['\\Seen'], remove: [] });
      // What is marked as deleted stays: the folder is left without expunging.
      expect(await target.getStatus(inbox)).toMatchObject({ exists: 2 });
      const flags = async () =>
        (await collect(target.listFlags(inbox, [1, 2]))).map((entry) => entry.flags.toSorted().join(' '));
      expect(await flags()).toEqual(['\\Answered \\Flagged', kept.join()]);
      await target.append(inbox, mail('three'));
      expect(await list(inbox)).toHaveLength(3);
    });

    test('adds a message again when it is told to again', async () => {
      const inbox = await target.ensureFolder(['INBOX'], 'inbox');
      await target.append(inbox, mail('twin'));
      await target.append(inbox, mail('twin'));
      expect(await list(inbox)).toHaveLength(2);
    });

    test('lists from a UID on, ascending, and nothing past the end', async () => {
      const inbox = await target.ensureFolder(['INBOX'], 'inbox');
      for (const text of ['one', 'two', 'three']) await target.append(inbox, mail(text));
      const uids = async (from: number) => (await list(inbox, from)).map(({ uid }) => uid);
      expect(await uids(1)).toEqual([1, 2, 3]);
      expect(await uids(2)).toEqual([2, 3]);
      expect(await uids(4)).toEqual([]);
      expect(await uids(1000)).toEqual([]);
    });

    test('lists nothing in an empty folder', async () => {
      const folder = await target.ensureFolder(['Leer'], null);
      expect(await collect(target.listMessages(folder, 1))).toEqual([]);
    });

    test('can be left in the middle of a list', async () => {
      const inbox = await target.ensureFolder(['INBOX'], 'inbox');
      for (const text of ['one', 'two', 'three']) await target.append(inbox, mail(text));
      await world.settle?.();
      for await (const { uid } of target.listMessages(inbox, 1)) if (uid === 1) break;
      expect((await target.getStatus(inbox)).exists).toBe(3);
      await target.append(inbox, mail('four'));
      expect(await list(inbox)).toHaveLength(4);
    });

    test('finds copies by the keys that they were written with, two with one key too, in that folder only', async () => {
      const { keys: kept } = target;
      if (kept === null) return;
      const inbox = await target.ensureFolder(['INBOX'], 'inbox');
      const other = await target.ensureFolder(['Other'], null);
      const [one, two, none] = ['a2', 'b3', 'c4'].map((start) => start.padEnd(52, 'q'));
      const append = async (folder: TargetFolder, text: string, key: string | undefined) =>
        await target.append(folder, mail(text, key === undefined ? {} : { key }));
      for (const key of [one, two, one, undefined]) await append(inbox, 'same text', key);
      await append(other, 'elsewhere', none);
      await world.settle?.();
      const find = async (folder: TargetFolder, keys: readonly (string | undefined)[]) => {
        const wanted = keys.flatMap((key) => key ?? []);
        const found = await collect(kept.find(folder, wanted));
        return found.map((each) => JSON.stringify(each)).toSorted();
      };
      const told = (...copies: readonly unknown[]) => copies.map((each) => JSON.stringify(each)).toSorted();
      const [first, second, third] = [
        { key: one, uid: 1 },
        { key: two, uid: 2 },
        { key: one, uid: 3 },
      ];
      expect(await find(inbox, [one, two, none])).toEqual(told(first, second, third));
      expect(await find(inbox, [none])).toEqual([]);
      expect(await find(inbox, [])).toEqual([]);
      expect(await find(other, [one, none])).toEqual(told({ key: none, uid: 1 }));
      // More than fit into one question.
      const many = Array.from({ length: 60 }, (_, at) => `k${'abcdefghij'.charAt(at % 10)}${at}`.padEnd(52, 'z'));
      expect(await find(inbox, [...many, two])).toEqual(told(second));
    });

    test('shows everything that it took when its lag is over', async () => {
      const inbox = await target.ensureFolder(['INBOX'], 'inbox');
      expect(target.visibleAfterMs > 0).toBe(world.settle !== undefined);
      for (const text of ['one', 'two']) await target.append(inbox, mail(text));
      expect(await list(inbox)).toHaveLength(2);
      expect(await collect(target.listFlags(inbox, [1, 2]))).toHaveLength(2);
    });

    test('takes names that differ by case for one folder, where the server does', async () => {
      const made = await target.ensureFolder(['Projekte'], null);
      const again = await target.ensureFolder(['PROJEKTE'], null);
      expect(again.id === made.id).toBe(world.can.caseInsensitive === true);
    });

    test('does not list what is hidden from the owner', async () => {
      if (world.addHiddenFolder === undefined) return;
      await world.addHiddenFolder(['Probe']);
      const listed = (await collect(target.listFolders())).map(({ path }) => path.join('/'));
      expect(listed).toContain('INBOX');
      expect(listed).not.toContain('Probe');
    });

    test('names a folder that has gone', async () => {
      const gone = { id: 'Weg', path: ['Weg'], role: null };
      await expect(target.getStatus(gone)).rejects.toMatchObject({ code: 'FOLDER_VANISHED' });
      await expect(target.append(gone, mail('x'))).rejects.toMatchObject({ code: 'FOLDER_VANISHED' });
    });

    test('can be closed twice and says that it is closed', async () => {
      const inbox = await target.ensureFolder(['INBOX'], 'inbox');
      await target.close();
      await target.close();
      await expect(target.append(inbox, mail('x'))).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    });
  });
}
