/** A worker that writes over Microsoft Graph dies at any call that changes something, before or after it took effect. */
import { afterEach, describe, expect, test } from 'vitest';
import type { GraphRoute } from '../../adapters/graph/mail-connector.ts';
import type { MemoryMailSystem } from '../../adapters/memory/mail.ts';
import { type GraphWorld, mailWith, mailWithFile, newGraphWorld } from '../support/graph-world.ts';

/** A new copy shows half a minute late, as it may (exchange.md §9.4). */
const LATE = { graph: { visibleAfterMs: 30_000 } };
const EFFECT = /^(?:POST|PATCH|PUT) (?!.*\$batch)/;
const ATTEMPTS = 3;

function fewMails(source: MemoryMailSystem): void {
  source.addFolder(['Gesendet'], 'sent');
  source.addMessage(['INBOX'], mailWith('twin'), ['\\Seen']);
  source.addMessage(['INBOX'], mailWith('twin'), ['\\Seen']);
  source.addMessage(['Gesendet'], mailWith('answered'), ['\\Answered', '\\Flagged', 'work'], '2001-02-03T04:05:06Z');
  source.addMessage(['Akten', '2025'], mailWithFile('small file', 20_000));
}

function largeMail(source: MemoryMailSystem): void {
  source.addMessage(['INBOX'], mailWith('small'));
  source.addMessage(['INBOX'], mailWithFile('large file', 3_200_000), ['\\Seen'], '2001-02-03T04:05:06Z');
}

const open: GraphWorld[] = [];
afterEach(async () => {
  for (const world of open.splice(0)) await world.close();
});

async function newWorld(route: GraphRoute, fill: (source: MemoryMailSystem) => void): Promise<GraphWorld> {
  const world = await newGraphWorld(route, fill, LATE);
  open.push(world);
  return world;
}

/** As Temporal does: a machine that is busy may cut a connection that nobody meant to. */
async function copyUntilDone(world: GraphWorld): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await world.copy();
      return;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

async function cleanRun(route: GraphRoute, fill: (source: MemoryMailSystem) => void) {
  const world = await newGraphWorld(route, fill, LATE);
  const { calls } = world.mailbox.fault(() => null);
  await world.copy();
  const seen = world.mailbox.seen();
  await world.close();
  return { calls: [...calls], seen };
}

for (const [name, route, fill] of [
  ['by JSON', 'graph-json', fewMails],
  ['by importMime', 'import-mime', fewMails],
  ['by JSON, of a message that is put together in a hidden folder', 'graph-json', largeMail],
] as const) {
  describe(`a copy over Graph ${name}`, async () => {
    const clean = await cleanRun(route, fill);

    test('brings each message once when nothing dies', () => {
      const mails = Object.values(clean.seen).flat();
      expect(mails).toHaveLength(fill === fewMails ? 4 : 2);
      expect(mails.every((mail) => mail.endsWith('| false'))).toBe(true);
    });

    const numbered = clean.calls.map((call, at) => [at + 1, call] as const);
    const chosen = numbered.filter(([, call]) => EFFECT.test(call));
    for (const when of ['before', 'after'] as const) {
      test.each(chosen)(`killed ${when} call %i (%s), the next run ends in the same mailbox`, async (number) => {
        const world = await newWorld(route, fill);
        const seen = world.mailbox.fault((_call, at) => {
          if (at < number) return null;
          return { drop: true, ...(when === 'after' && at === number && { afterEffect: true }) };
        });
        await expect(world.copy()).rejects.toThrow();
        expect(seen.fired).toBeGreaterThan(0);
        world.mailbox.fault(() => null);
        await copyUntilDone(world);
        expect(world.mailbox.seen()).toEqual(clean.seen);
      });
    }
  });
}
