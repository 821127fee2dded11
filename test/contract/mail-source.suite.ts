import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { FolderPath, FolderRole, SourceFolder } from '../../domain/mail.ts';
import type { MailSource } from '../../domain/ports/mail.ts';

export interface SeedMessage {
  readonly raw: Buffer;
  readonly flags?: readonly string[];
  /** RFC 3339 UTC, whole seconds. */
  readonly internalDate?: string;
}

/** One account as its owner can change it, beside the port under test. */
export interface SourceUnderTest {
  open(): Promise<MailSource>;
  addFolder(path: FolderPath, role?: FolderRole): Promise<void>;
  addMessage(path: FolderPath, message: SeedMessage): Promise<void>;
  /** Removes the message at this place, counted from 0. */
  removeMessage(path: FolderPath, at: number): Promise<void>;
  /** Replaces the flags of the message at this place. */
  setFlags(path: FolderPath, at: number, flags: readonly string[]): Promise<void>;
  close(): Promise<void>;
  readonly can: {
    /** The server tells special uses. */
    readonly specialUse: boolean;
    /** What `tracks` has to say. */
    readonly tracks: MailSource['tracks'];
    /** Bare line ends and NUL stay as they were added. */
    readonly anyBytes: boolean;
    /** The server never holds such a message, as it refuses to take one. */
    readonly refusesOddBytes?: true;
    /** The server can renumber a folder under our hands. */
    readonly renumber: ((path: FolderPath) => Promise<void>) | null;
  };
}

const SMALL = Buffer.from('Subject: one\r\n\r\nHello\r\n');

/** What every mail source promises. A new account for each test. */
export function mailSourceContract(name: string, makeSource: () => Promise<SourceUnderTest>): void {
  describe(`the mail source (${name})`, () => {
    let world: SourceUnderTest;
    let source: MailSource;

    beforeEach(async () => {
      world = await makeSource();
      source = await world.open();
    });
    afterEach(async () => {
      await source?.close();
      await world?.close();
    });

    async function folder(path: FolderPath): Promise<SourceFolder> {
      const found = (await collect(source.listFolders())).find((each) => each.path.join('|') === path.join('|'));
      if (found === undefined) throw new Error(`no folder ${path.join('/')}`);
      return found;
    }

    test('lists folders by decoded path, INBOX with its role', async () => {
      await world.addFolder(['Büro & Co']);
      await world.addFolder(['Büro & Co', '日本 2025']);
      const paths = (await collect(source.listFolders())).map(({ path }) => path.join('|')).toSorted();
      expect(paths).toEqual(expect.arrayContaining(['Büro & Co', 'Büro & Co|日本 2025', 'INBOX']));
      expect(await folder(['INBOX'])).toMatchObject({ role: 'inbox', selectable: true });
    });

    test('tells the role of a special folder where the server does', async () => {
      await world.addFolder(['Gesendet'], 'sent');
      expect((await folder(['Gesendet'])).role).toBe(world.can.specialUse ? 'sent' : null);
    });

    test('tells the numbers of an empty and of a filled folder', async () => {
      const empty = await source.getStatus(await folder(['INBOX']));
      expect(empty).toMatchObject({ exists: 0, uidNext: 1 });
      expect(empty.uidValidity).toMatch(/^[1-9]\d*$/);
      await world.addMessage(['INBOX'], { raw: SMALL });
      expect(await source.getStatus(await folder(['INBOX']))).toMatchObject({ exists: 1, uidNext: 2 });
    });

    test('lists messages in ascending UID order with size, date and flags', async () => {
      await world.addMessage(['INBOX'], {
        raw: SMALL,
        flags: ['\\Seen', '$Label1', '\\Flagged'],
        internalDate: '2001-02-03T04:05:06Z',
      });
      await world.addMessage(['INBOX'], { raw: SMALL });
      await world.addMessage(['INBOX'], { raw: Buffer.concat([SMALL, SMALL]) });
      await world.removeMessage(['INBOX'], 1);
      const entries = await collect(source.listMessages(await folder(['INBOX'])));
      expect(entries.map(({ uid, sizeBytes }) => [uid, sizeBytes])).toEqual([
        [1, SMALL.length],
        [3, 2 * SMALL.length],
      ]);
      expect(entries[0]?.internalDate).toBe('2001-02-03T04:05:06Z');
      expect(entries[0]?.flags.toSorted()).toEqual(['$Label1', '\\Flagged', '\\Seen']);
      expect(entries[1]?.flags).toEqual([]);
    });

    test('lists nothing in an empty folder', async () => {
      const inbox = await folder(['INBOX']);
      expect(await collect(source.listMessages(inbox))).toEqual([]);
      expect(await collect(source.listFlags(inbox, 100))).toEqual([]);
      expect(await collect(source.readMessages(inbox, (await source.getStatus(inbox)).uidValidity, [1, 2]))).toEqual(
        [],
      );
    });

    test('lists messages from a UID on, and nothing past the end', async () => {
      for (let n = 0; n < 3; n += 1) await world.addMessage(['INBOX'], { raw: SMALL });
      const inbox = await folder(['INBOX']);
      const uids = async (from: number) => (await collect(source.listMessages(inbox, from))).map(({ uid }) => uid);
      expect(await uids(2)).toEqual([2, 3]);
      expect(await uids(4)).toEqual([]);
    });

    test('lists flags below a UID', async () => {
      await world.addMessage(['INBOX'], { raw: SMALL, flags: ['\\Seen', '$Label1'] });
      for (let n = 0; n < 3; n += 1) await world.addMessage(['INBOX'], { raw: SMALL });
      await world.removeMessage(['INBOX'], 1);
      const listed = await collect(source.listFlags(await folder(['INBOX']), 4));
      expect(listed.map(({ uid, flags }) => ({ uid, flags: flags.toSorted() }))).toEqual([
        { uid: 1, flags: ['$Label1', '\\Seen'] },
        { uid: 3, flags: [] },
      ]);
    });

    test('says how it tracks changes, and tells mod-sequences where it does', async () => {
      expect(source.tracks).toBe(world.can.tracks);
      const { highestModSeq } = await source.getStatus(await folder(['INBOX']));
      if (source.tracks === 'nothing') expect(highestModSeq).toBeNull();
      else expect(highestModSeq).toMatch(/^[1-9]\d*$/);
    });

    test('tells what changed since a status, and nothing of what is new', async () => {
      if (world.can.tracks === 'nothing') return;
      for (let n = 0; n < 6; n += 1) await world.addMessage(['INBOX'], { raw: SMALL });
      const before = await source.getStatus(await folder(['INBOX']));
      expect(await changes(before)).toEqual({ flags: [], vanished: [] });
      await world.setFlags(['INBOX'], 1, ['\\Seen', '\\Flagged']);
      await world.removeMessage(['INBOX'], 3);
      await world.removeMessage(['INBOX'], 3);
      await world.addMessage(['INBOX'], { raw: SMALL, flags: ['\\Seen'] });
      const vanished = world.can.tracks === 'flags-and-vanished' ? [4, 5] : [];
      expect(await changes(before)).toEqual({ flags: [[2, '\\Flagged \\Seen']], vanished });
    });

    test('T43: tells no changes under another UIDVALIDITY', async () => {
      if (world.can.tracks === 'nothing') return;
      await world.addMessage(['INBOX'], { raw: SMALL });
      const inbox = await folder(['INBOX']);
      const status = { ...(await source.getStatus(inbox)), uidValidity: '4242' };
      await expect(collect(source.listChanges(inbox, status))).rejects.toMatchObject({ code: 'FOLDER_VANISHED' });
    });

    async function changes(since: Awaited<ReturnType<MailSource['getStatus']>>) {
      const flags: [number, string][] = [];
      const vanished: number[] = [];
      for await (const change of source.listChanges(await folder(['INBOX']), since)) {
        if (change.kind === 'flags') flags.push([change.uid, change.flags.toSorted().join(' ')]);
        else for (let uid = change.firstUid; uid <= change.lastUid; uid += 1) vanished.push(uid);
      }
      // May name more than there was: messages that did not change are not in this account.
      return { flags, vanished: vanished.filter((uid) => uid < since.uidNext) };
    }

    test('T45: counts by SEARCH, or says that it cannot', async () => {
      for (let n = 0; n < 3; n += 1) await world.addMessage(['INBOX'], { raw: SMALL });
      await world.removeMessage(['INBOX'], 0);
      expect([2, null]).toContain(await source.countBySearch(await folder(['INBOX'])));
    });

    test('gives a message byte for byte with date and flags, and leaves it unread', async () => {
      const raw = Buffer.from(
        `Subject: bytes\r\n\r\n${[...Array(255).keys()].map((n) => `${n + 1}`).join()}\xe9\r\n`,
        'latin1',
      );
      await world.addMessage(['INBOX'], { raw, flags: ['\\Answered'], internalDate: '2020-12-31T23:59:59Z' });
      const inbox = await folder(['INBOX']);
      const { uidValidity } = await source.getStatus(inbox);
      const message = await source.findMessage(inbox, uidValidity, 1);
      expect(message?.raw.equals(raw)).toBe(true);
      expect(message).toMatchObject({ receivedAt: '2020-12-31T23:59:59Z', flags: ['\\Answered'] });
      const [entry] = await collect(source.listMessages(inbox));
      expect(entry?.flags).toEqual(['\\Answered']);
    });

    test('gives several messages at once, those that are there, each once and unread', async () => {
      const raws = ['one', 'two', 'three', 'four', 'five'].map((text) =>
        Buffer.from(`Subject: ${text}\r\n\r\n\xe9\r\n`),
      );
      for (const raw of raws) {
        await world.addMessage(['INBOX'], { raw, flags: ['$Label1'], internalDate: '2020-12-31T23:59:59Z' });
      }
      await world.removeMessage(['INBOX'], 2);
      const inbox = await folder(['INBOX']);
      const { uidValidity } = await source.getStatus(inbox);
      const found = await collect(source.readMessages(inbox, uidValidity, [5, 1, 3, 2, 99]));
      expect(found.map(({ uid }) => uid).toSorted()).toEqual([1, 2, 5]);
      for (const { uid, result } of found) {
        if (result instanceof MigrationError) throw result;
        expect(result.raw.equals(raws[uid - 1] ?? SMALL)).toBe(true);
        expect(result).toMatchObject({ receivedAt: '2020-12-31T23:59:59Z', flags: ['$Label1'] });
      }
      const entries = await collect(source.listMessages(inbox));
      expect(entries.every(({ flags }) => flags.join() === '$Label1')).toBe(true);
    });

    test('goes on after a read of several that was left in the middle', async () => {
      for (let n = 0; n < 5; n += 1) await world.addMessage(['INBOX'], { raw: SMALL });
      const inbox = await folder(['INBOX']);
      const { uidValidity } = await source.getStatus(inbox);
      for await (const { uid } of source.readMessages(inbox, uidValidity, [1, 2, 3, 4, 5])) if (uid > 0) break;
      expect((await source.findMessage(inbox, uidValidity, 5))?.raw.equals(SMALL)).toBe(true);
    });

    test('gives a message of several megabytes byte for byte', async () => {
      const line = Buffer.from(`${'0123456789abcdef'.repeat(4)}\r\n`);
      const raw = Buffer.concat([SMALL, ...Array.from({ length: 150_000 }, () => line)]);
      await world.addMessage(['INBOX'], { raw });
      const inbox = await folder(['INBOX']);
      const message = await source.findMessage(inbox, (await source.getStatus(inbox)).uidValidity, 1);
      expect(message?.raw.equals(raw)).toBe(true);
    });

    test('gives a message with bare line ends and NUL as the source has it', async () => {
      const raw = Buffer.from('\0Subject: odd\n\nbare\rends\0\r\n\n', 'latin1');
      if (world.can.refusesOddBytes === true) {
        await expect(world.addMessage(['INBOX'], { raw })).rejects.toThrow();
        return;
      }
      await world.addMessage(['INBOX'], { raw });
      const inbox = await folder(['INBOX']);
      const message = await source.findMessage(inbox, (await source.getStatus(inbox)).uidValidity, 1);
      if (world.can.anyBytes) expect(message?.raw.toString('latin1')).toBe(raw.toString('latin1'));
      else expect(message).not.toBeNull();
    });

    test('answers null for a message that is not there', async () => {
      await world.addMessage(['INBOX'], { raw: SMALL });
      const inbox = await folder(['INBOX']);
      const { uidValidity } = await source.getStatus(inbox);
      expect(await source.findMessage(inbox, uidValidity, 77)).toBeNull();
    });

    test('T43: refuses to read under another UIDVALIDITY than the one asked for', async () => {
      await world.addMessage(['INBOX'], { raw: SMALL });
      const inbox = await folder(['INBOX']);
      await expect(source.findMessage(inbox, '4242', 1)).rejects.toMatchObject({ code: 'FOLDER_VANISHED' });
      await expect(collect(source.readMessages(inbox, '4242', [1]))).rejects.toMatchObject({ code: 'FOLDER_VANISHED' });
    });

    test('names a folder that has gone', async () => {
      const gone = { id: 'Weg', path: ['Weg'], role: null, selectable: true };
      await expect(source.getStatus(gone)).rejects.toMatchObject({ code: 'FOLDER_VANISHED' });
      await expect(collect(source.listMessages(gone))).rejects.toMatchObject({ code: 'FOLDER_VANISHED' });
      expect((await source.getStatus(await folder(['INBOX']))).exists).toBe(0);
    });

    test('can be closed twice and says that it is closed', async () => {
      const inbox = await folder(['INBOX']);
      await source.close();
      await source.close();
      await expect(source.getStatus(inbox)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    });
  });
}
