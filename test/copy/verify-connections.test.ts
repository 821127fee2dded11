import { expect, test } from 'vitest';
import type { SourceSessions } from '../../activities/source-sessions.ts';
import { verifyByReading } from '../../activities/verification.ts';
import { createMemoryMailConnector } from '../../adapters/memory/mail.ts';
import { plainAccount } from '../support/imap-accounts.ts';
import { INITIAL, mailText, newMemoryWorld } from '../support/memory-world.ts';

/** What a worker verifies with: connections to the target that it opens itself, and one to the source if it must. */
async function verified(messages: number, sabotage: (world: ReturnType<typeof newMemoryWorld>) => void) {
  const world = newMemoryWorld();
  for (let n = 0; n < messages; n += 1) world.source.addMessage(['INBOX'], mailText(`message ${n}`));
  await world.copy(INITIAL);
  sabotage(world);
  const real = createMemoryMailConnector({ ann: world.target, old: world.source });
  const open = { targets: 0, most: 0, sources: 0 };
  const connector: typeof real = {
    ...real,
    async openTarget(account, signal) {
      const target = await real.openTarget(account, signal);
      open.targets += 1;
      open.most = Math.max(open.most, open.targets);
      const close = target.close.bind(target);
      target.close = async () => {
        open.targets -= 1;
        await close();
      };
      return target;
    },
  };
  const sessions: SourceSessions = {
    async open() {
      open.sources += 1;
      return {
        source: world.source.openSource(),
        async close() {
          open.sources -= 1;
        },
      };
    },
    findSpare: async () => null,
    isWanted: async () => false,
  };
  const { signal } = new AbortController();
  const accounts = { source: plainAccount(1, 'old'), target: plainAccount(2, 'ann') };
  const failure = await verifyByReading({
    openTarget: () => connector.openTarget(accounts.target, signal),
    sessions,
    ledger: world.ledger,
    lease: await world.ledger.takeLease(world.mailboxId, 'worker'),
    accounts,
    mailboxId: world.mailboxId,
    pass: INITIAL,
    signal,
  }).then(
    () => null,
    (error: unknown) => error,
  );
  return { failure, open };
}

test('a sound copy passes, and every connection is closed again', async () => {
  expect(await verified(4_100, () => undefined)).toEqual({ failure: null, open: { targets: 0, most: 4, sources: 0 } });
});

test('a fault fails the mailbox and says how many of which kind', async () => {
  const { failure, open } = await verified(3, ({ target }) => {
    target.removeMessage(['INBOX'], 1);
    const second = target.getFolder(['INBOX']).messages[0];
    Object.assign(second ?? {}, { raw: Buffer.from('another') });
  });
  expect(failure).toMatchObject({
    code: 'VERIFY_FAILED',
    message: 'Re-reading the target found messages: 1 lost, 1 changed.',
    facts: { lost: 1, doubled: 0, misfiled: 0, changed: 1 },
  });
  expect(open).toEqual({ targets: 0, most: 1, sources: 0 });
});
