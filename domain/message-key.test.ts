import { expect, test } from 'vitest';
import { messageKeyOf } from './message-key.ts';

const ROW = { folderId: '12-3', uidValidity: '1700000000', uid: 4 };

test('is lower-case base32 of 256 bits, the same each time', () => {
  const key = messageKeyOf('mbx-1', ROW);
  expect(key).toMatch(/^[a-z2-7]{52}$/);
  expect(messageKeyOf('mbx-1', { ...ROW })).toBe(key);
  // SHA-256 of `["mbx-1","12-3","1700000000",4]` by coreutils: sha256sum | xxd -r -p | base32.
  expect(key).toBe('2ypxkmejly4f4sj3e5innxdycywkiafsjdaur34d6iahfrj6fyga');
});

test('is another one for another message, folder, numbering or mailbox', () => {
  const keys = [
    messageKeyOf('mbx-1', ROW),
    messageKeyOf('mbx-2', ROW),
    messageKeyOf('mbx-1', { ...ROW, uid: 5 }),
    messageKeyOf('mbx-1', { ...ROW, folderId: '12-34', uidValidity: '700000000' }),
    messageKeyOf('mbx-1', { ...ROW, uidValidity: '1700000001' }),
  ];
  expect(new Set(keys).size).toBe(keys.length);
});
