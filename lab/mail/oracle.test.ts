import { expect, test } from 'vitest';
import { compareMailboxes, isSame, type MailboxCensus } from './oracle.ts';

const SOURCE = mailbox({ INBOX: ['a', 'twin', 'twin'], 'Gesendete Objekte': ['s'], 'Gesendete Objekte/2019': ['t'] });

test('a faithful copy is the same, with special folders under the names of the target', () => {
  const target = mailbox({ INBOX: ['twin', 'a', 'twin'], 'Sent Items': ['s'], 'Sent Items/2019': ['t'] });
  expect(isSame(compareMailboxes(SOURCE, target))).toBe(true);
});

test('one of two identical messages is missed', () => {
  const target = mailbox({ INBOX: ['a', 'twin'], 'Sent Items': ['s'], 'Sent Items/2019': ['t'] });
  expect(compareMailboxes(SOURCE, target)).toEqual(
    differences({ lost: [{ digest: 'twin', folder: 'INBOX', count: 1 }] }),
  );
});

test('a doubled, an unexpected and a misfiled message are told apart', () => {
  const target = mailbox({ INBOX: ['a', 'a', 'twin', 'twin', 's', 'new'], 'Sent Items': [], 'Sent Items/2019': ['t'] });
  expect(compareMailboxes(SOURCE, target)).toEqual(
    differences({
      doubled: [{ digest: 'a', folder: 'INBOX', count: 1 }],
      unexpected: [{ digest: 'new', folder: 'INBOX', count: 1 }],
      misfiled: [{ digest: 's', folder: 'Sent Items', count: 1 }],
    }),
  );
});

test('a changed message is lost and unexpected at once', () => {
  const target = mailbox({ INBOX: ['A', 'twin', 'twin'], 'Sent Items': ['s'], 'Sent Items/2019': ['t'] });
  const { lost, unexpected } = compareMailboxes(SOURCE, target);
  expect([lost.length, unexpected.length]).toEqual([1, 1]);
});

function differences(some: Partial<ReturnType<typeof compareMailboxes>>): ReturnType<typeof compareMailboxes> {
  return { lost: [], doubled: [], unexpected: [], misfiled: [], ...some };
}

function mailbox(folders: Record<string, readonly string[]>): MailboxCensus {
  return {
    folders: Object.entries(folders).map(([name, digests]) => ({
      name,
      use: name === 'Gesendete Objekte' || name === 'Sent Items' ? '\\Sent' : null,
      counts: new Map([...Map.groupBy(digests, (digest) => digest)].map(([digest, all]) => [digest, all.length])),
    })),
  };
}
