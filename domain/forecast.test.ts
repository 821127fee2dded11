import { describe, expect, test } from 'vitest';
import {
  addToSizes,
  DEFAULT_RATE,
  type FolderSizes,
  findBytesPerDay,
  GMAIL_BYTES_PER_DAY,
  planForecast,
} from './forecast.ts';
import { repairName } from './repair-name.ts';
import { findLimits, HOSTED_EXCHANGE, NO_LIMITS } from './target-limits.ts';

function sized(name: string, messages: number, bytes: number | null): FolderSizes {
  return { path: name.split('/'), messages, bytes, tooLarge: 0, largest: [], fault: null };
}

const entry = (uid: number, sizeBytes: number) => ({ uid, sizeBytes, internalDate: null, flags: [] });
const PLAIN = { mapping: null, limits: NO_LIMITS, rate: null, bytesPerDay: null };

describe('a forecast', () => {
  test('adds up what the folders hold; one whose sizes were not read makes the bytes unknown', () => {
    const folders = [sized('INBOX', 3, 100), sized('Sent', 2, 50)];
    expect(planForecast({ ...PLAIN, folders })).toMatchObject({ messages: 5, bytes: 150 });
    const unknown = planForecast({ ...PLAIN, folders: [...folders, sized('x', 9, null)] });
    expect(unknown).toMatchObject({ messages: 14, bytes: null, tooLarge: { count: null } });
  });

  test('T24: a message just over the limit is named by folder and UID, one of just the limit is not', () => {
    const limits = { ...NO_LIMITS, messageBytes: 1_000 };
    let inbox = sized('Kunden/März', 3, 0);
    for (const [uid, bytes] of [
      [1, 1_000],
      [2, 1_001],
      [3, 5_000],
    ] as const) {
      inbox = addToSizes(inbox, entry(uid, bytes), limits.messageBytes);
    }
    const { tooLarge } = planForecast({ ...PLAIN, folders: [inbox], limits });
    expect(tooLarge).toEqual({
      limitBytes: 1_000,
      isAssumed: false,
      count: 2,
      largest: [
        { folder: 'Kunden/März', uid: 3, bytes: 5_000 },
        { folder: 'Kunden/März', uid: 2, bytes: 1_001 },
      ],
    });
  });

  test('keeps the largest five however many there are', () => {
    let inbox = sized('INBOX', 100, 0);
    for (let uid = 1; uid <= 100; uid += 1) inbox = addToSizes(inbox, entry(uid, uid * 10), 5);
    expect(inbox.tooLarge).toBe(100);
    expect(inbox.largest.map(({ uid }) => uid)).toEqual([100, 99, 98, 97, 96]);
  });

  test('takes as long as the slower of messages and bytes, at the measured rate or the usual one', () => {
    const folders = [sized('INBOX', 1_000, 1_000_000)];
    const measured = planForecast({ ...PLAIN, folders, rate: { messagesPerSecond: 100, bytesPerSecond: 20_000 } });
    expect(measured).toMatchObject({ seconds: 50, rate: { messagesPerSecond: 100, isMeasured: true } });
    const usual = planForecast({ ...PLAIN, folders });
    expect(usual).toMatchObject({ seconds: 1_000 / DEFAULT_RATE.messagesPerSecond, rate: { isMeasured: false } });
  });

  test('T61: spreads over the days that a daily limit of the source makes of it', () => {
    expect(findBytesPerDay(['IMAP4rev1', 'x-gm-ext-1'])).toBe(GMAIL_BYTES_PER_DAY);
    expect(findBytesPerDay(['IMAP4rev1'])).toBeNull();
    const folders = [sized('INBOX', 10, 7_500_000_001)];
    const rate = { messagesPerSecond: 1_000, bytesPerSecond: 1e9 };
    const slow = planForecast({ ...PLAIN, folders, rate, bytesPerDay: GMAIL_BYTES_PER_DAY });
    expect(slow.daily).toEqual({ bytesPerDay: GMAIL_BYTES_PER_DAY, days: 4 });
    expect(slow.seconds).toBe(3 * 86_400);
  });

  test('names folders that hold more than one of the target may, and those that cannot be read', () => {
    const limits = { ...NO_LIMITS, messagesPerFolder: 5, subfolders: 2 };
    const paths = [['a'], ['a', 'x'], ['a', 'y'], ['a', 'z']];
    const folders = paths.map((path) => ({
      source: { id: path.join('/'), path, role: null, selectable: true },
      targetPath: path,
      role: null,
    }));
    const forecast = planForecast({
      ...PLAIN,
      folders: [sized('a', 6, 6), sized('a/x', 5, 5), { ...sized('a/y', 1, null), fault: 'No such folder.' }],
      mapping: { folders, renames: [] },
      limits,
    });
    expect(forecast.unfit).toEqual([
      { folder: 'a/y', why: 'cannot be read now: No such folder.' },
      { folder: 'a', why: 'has 6 messages, and a folder of the target holds 5' },
      { folder: 'a', why: 'will have 3 sub-folders, and a folder of the target holds 2' },
    ]);
    expect(forecast.bytes).toBe(11);
  });
});

describe('the limits of a target', () => {
  const facts = { capabilities: ['IMAP4rev1'], tls: true, name: '' };

  test('are what its capabilities tell', () => {
    expect(findLimits({ ...facts, capabilities: ['APPENDLIMIT=35651584'] }, '/').messageBytes).toBe(35_651_584);
    expect(findLimits({ ...facts, capabilities: ['APPENDLIMIT'] }, '/').messageBytes).toBeNull();
  });

  test('of Exchange are assumed where it tells none', () => {
    const exchange = { ...facts, name: 'Microsoft.Exchange.Imap4.Imap4Server 15.20' };
    expect(findLimits(exchange, '/')).toEqual(HOSTED_EXCHANGE);
    expect(findLimits({ ...exchange, capabilities: ['APPENDLIMIT=9'] }, '/')).toMatchObject({
      messageBytes: 9,
      isAssumed: false,
      names: { caseInsensitive: true },
    });
  });

  test('of Cyrus are its characters, and of a server without levels one level', () => {
    const { names } = findLimits({ ...facts, name: 'Cyrus IMAPD 3.6.1' }, '.');
    expect(repairName('a"b\\c/d.e', 0, names)).toBe('a-b-c-d-e');
    expect(repairName('inbox', 1, names)).toBe('inbox (mail)');
    expect(findLimits(facts, null).names).toEqual({ separator: null, maxDepth: 1 });
  });
});
