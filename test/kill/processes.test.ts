import type { ImapFlow } from 'imapflow';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Pass } from '../../domain/passes.ts';
import { type Dovecot, startDovecot } from '../../lab/dovecot.ts';
import { withImap } from '../../lab/imap-client.ts';
import { generateMailbox } from '../../lab/mail/generator.ts';
import { SeededRandom } from '../../lab/mail/random.ts';
import { type SeedMail, seedMailbox } from '../../lab/mail/seed.ts';
import { CopyStage, endpointOf, runPass, type StagedMailbox } from '../support/copy-stage.ts';
import type { CopyWorker } from '../support/copy-worker.ts';
import { PASSWORD } from '../support/imap-accounts.ts';
import { MailHistory, readMails } from '../support/mail-history.ts';
import { startTappedLine, type TappedChunk, type TappedLine } from '../support/tapped-line.ts';

/** So many processes are killed where nobody says otherwise: they take 50 s on two quiet cores. */
const KILLS = Number(process.env['KILLS'] ?? 60);
const SEED = process.env['KILL_SEED'] ?? String(Date.now());
const PASSES = [
  { kind: 'initial', number: 1 },
  { kind: 'delta', number: 2 },
  { kind: 'final', number: 3 },
] as const satisfies readonly Pass[];
const NOTHING_NEW: Pass = { kind: 'delta', number: 4 };
/** Of each pass; the attempt after that lives. */
const KILLS_OF_A_PASS = 3;
const MESSAGES = 40;

let source: Dovecot;
let target: Dovecot;
let stage: CopyStage;
const lines: TappedLine[] = [];
const random = new SeededRandom(SEED);

/** Watches the three lines of a worker, counts what passes from its first FETCH on, and kills it at one piece. */
const watch = {
  pieces: 0,
  appends: 0,
  begun: false,
  dieAt: Number.POSITIVE_INFINITY,
  passesOn: true,
  kill: () => {},
  killed: false,

  arm(dieAt: number, passesOn: boolean, kill: () => void) {
    Object.assign(watch, { pieces: 0, appends: 0, begun: false, dieAt, passesOn, kill, killed: false });
  },

  tap({ line, towards, bytes }: TappedChunk): boolean {
    if (watch.killed) return watch.passesOn; // what a dead process had sent may still arrive, or be lost with it
    const text = towards === 'server' && line !== 'ledger' ? bytes.subarray(0, 100).toString('latin1') : '';
    if (/ APPEND /.test(text)) watch.appends += 1;
    watch.begun ||= / FETCH /.test(text);
    if (!watch.begun) return true;
    watch.pieces += 1;
    if (watch.pieces < watch.dieAt) return true;
    watch.killed = true;
    watch.kill();
    return watch.passesOn;
  },
};

beforeAll(async () => {
  console.log(`seed of the kills: ${SEED}`); // KILL_SEED repeats them
  const users = Array.from({ length: KILLS + 1 }, (_, at) => ({ name: `user${at}`, password: PASSWORD }));
  [source, target, stage] = await Promise.all([startDovecot({ users }), startDovecot({ users }), CopyStage.open()]);
  for (const [name, port] of [
    ['source', source.port],
    ['target', target.port],
    ['ledger', Number(new URL(stage.database.url).port)],
  ] as const) {
    lines.push(await startTappedLine(name, port, watch.tap));
  }
});

afterAll(async () => {
  await stage?.close();
  for (const line of lines) line.close();
  await Promise.all([source?.stop(), target?.stop()]);
});

function startWorker(): CopyWorker {
  const url = new URL(stage.database.url);
  url.port = String(lines[2]?.port);
  return stage.startWorker({ databaseUrl: url.href });
}

async function addMailbox(user: string, maxConnections: number): Promise<StagedMailbox> {
  const owner = `${user}@example.test`;
  const mails: SeedMail[] = [...generateMailbox({ seed: SEED, owner, locale: 'de', messages: MESSAGES })];
  const twin = mails[0];
  if (twin) mails.push(twin, { ...twin, folder: ['INBOX'] });
  await seedMailbox(endpointOf(source, user), mails);
  const [at, to] = [Number(lines[0]?.port), Number(lines[1]?.port)];
  return await stage.addMailbox(user, { source: at, target: to, maxConnections });
}

/** Moves, flags, deletions and new mail, some of each. */
async function liveOn(user: string, round: string): Promise<void> {
  await withImap(endpointOf(source, user), async (client) => {
    const listed = await client.list();
    const paths = listed.flatMap(({ path, flags }) => (/Noselect|NonExistent/.test([...flags].join()) ? [] : [path]));
    for (const path of paths) {
      const { exists } = await client.mailboxOpen(path);
      for (let sequence = exists; sequence > 0; sequence -= 1) {
        if (random.chance(0.75)) continue;
        await changeOne(
          client,
          sequence,
          random.pick(['move', 'delete', 'flag', 'flag']),
          random.pick(['INBOX', ...paths]),
        );
      }
    }
    for (let count = 0; count < 15; count += 1) {
      const raw = `Subject: ${round} ${count}\r\nFrom: ada@example.net\r\n\r\n${'new mail\r\n'.repeat(random.between(1, 4_000))}`;
      await client.append(random.pick(['INBOX', ...paths]), Buffer.from(raw), ['\\Seen']);
    }
  });
}

async function changeOne(client: ImapFlow, sequence: number, change: 'move' | 'delete' | 'flag', to: string) {
  const one = String(sequence);
  if (change === 'delete') await client.messageDelete(one);
  else if (change === 'flag')
    await client.messageFlagsSet(one, random.pick([['\\Flagged'], ['\\Seen', '$Label1'], []]));
  else if (client.mailbox !== false && client.mailbox.path !== to) await client.messageMove(one, to);
}

/** Pieces from the first FETCH of a copy to its end, when nobody dies. */
async function measurePasses(worker: CopyWorker) {
  const user = `user${KILLS}`;
  const mailbox = await addMailbox(user, 4);
  const lengths = { initial: 0, delta: 0, final: 0 };
  for (const pass of PASSES) {
    if (pass.number > 1) await liveOn(user, `${user} ${pass.kind}`);
    watch.arm(Number.POSITIVE_INFINITY, true, () => {});
    expect(await worker.run({ kind: 'copy', ...mailbox, pass })).toMatchObject({ code: null });
    lengths[pass.kind] = watch.pieces;
  }
  return lengths;
}

/** Once more where the target ends a session by itself, as Temporal would: Dovecot was seen to, at EXAMINE, on a busy machine. */
async function runPassAgain(worker: CopyWorker, mailbox: StagedMailbox, pass: Pass): Promise<void> {
  await runPass(worker, mailbox, pass).catch(async (error: unknown) => {
    if (!String(error).includes('CONNECTION_LOST')) throw error;
    await runPass(worker, mailbox, pass);
  });
}

test(
  `loses and doubles nothing when a worker is killed ${KILLS} times in mid-copy, and then copies nothing more`,
  async () => {
    let spare = startWorker();
    const fired = { initial: 0, delta: 0, final: 0 };
    const lengths = await measurePasses(spare);
    let killed = 0;
    for (let round = 0; killed < KILLS; round += 1) {
      const user = `user${round}`;
      const mailbox = await addMailbox(user, round % 2 === 0 ? 4 : 1);
      const history = new MailHistory();
      for (const pass of PASSES) {
        if (pass.number > 1) await liveOn(user, `${user} ${pass.kind}`);
        history.observe(await readMails(endpointOf(source, user)));
        for (let kills = 0; kills < KILLS_OF_A_PASS && killed < KILLS; kills += 1) {
          const worker = spare;
          spare = startWorker();
          // What an attempt leaves to the next one is less than a whole pass.
          const length = Math.ceil(lengths[pass.kind] / (kills + 1));
          watch.arm(random.between(1, length), random.chance(0.5), () => worker.signal('SIGKILL'));
          const { migrationId, mailboxId } = mailbox;
          const answer = await worker.run({ kind: 'copy', migrationId, mailboxId, pass, attempt: kills + 1 });
          await worker.end();
          await Promise.all(lines.slice(0, 2).map((line) => line.idle()));
          if (!watch.killed) {
            expect(answer, `${user}, ${pass.kind}`).toMatchObject({ code: null });
            break;
          }
          killed += 1;
          fired[pass.kind] += 1;
          await stage.forgetTheDead();
        }
        watch.arm(Number.POSITIVE_INFINITY, true, () => {});
        await runPassAgain(spare, mailbox, pass);
        const faults = history.faultsOf(await readMails(endpointOf(target, user)));
        expect(faults, `${user} after the ${pass.kind} pass`).toEqual([]);
      }
      watch.arm(Number.POSITIVE_INFINITY, true, () => {});
      expect(await runPass(spare, mailbox, NOTHING_NEW)).toMatchObject({ moved: 0 });
      expect(watch.appends).toBe(0);
    }
    expect(fired.initial + fired.delta + fired.final).toBe(KILLS);
    for (const count of Object.values(fired)) expect(count).toBeGreaterThan(KILLS / 10);
  },
  KILLS * 10_000,
);
