/** The whole corpus, and mutants of it, through the whole copy to real servers; each message is judged by itself. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { canonicalFingerprintOf } from '../../domain/canonical-fingerprint.ts';
import { fingerprintOf, sha256Hex } from '../../domain/fingerprint.ts';
import type { Outcome } from '../../domain/ports/ledger.ts';
import { unwrapMessage } from '../../domain/wrap.ts';
import { type CorpusMail, findCorpus } from '../../lab/corpus.ts';
import { digestOf } from '../../lab/mail/digest.ts';
import { generateMailbox } from '../../lab/mail/generator.ts';
import { SeededRandom } from '../../lab/mail/random.ts';
import { ImapCopy } from '../support/imap-copy.ts';
import { type LabAccount, startLabAccount } from '../support/lab-account.ts';
import { DELTA } from '../support/memory-world.ts';
import { mutate } from '../support/mutated-mail.ts';
import { type RealServer, readFolder, startRealServer } from '../support/real-servers.ts';

// Many connections and, for Cyrus, many writes to the disk: a third of it on a machine with nothing else to do.
vi.setConfig({ testTimeout: 120_000 });

const FUZZ_MS = 10_000;
const EMPTY = Buffer.alloc(0);
const FLAGS = ['\\Flagged', '$Label1'];

interface ManifestRow {
  readonly file: string;
  readonly sha256: string;
  readonly tags: readonly string[];
}

const corpus = findCorpus();
const mails = corpus ?? generatedMails();
const manifest = corpus === null ? [] : readManifest();

function generatedMails(): readonly CorpusMail[] {
  console.warn('The mail corpus (../shared/corpus/mail) is missing: generated mail is used instead.');
  const options = { seed: 7, owner: 'ann@example.test', locale: 'de', messages: 900, nasty: 'full' } as const;
  return [...generateMailbox(options)].map(({ raw }, at) => ({ name: `generated ${at}`, raw }));
}

function readManifest(): readonly ManifestRow[] {
  const path = join(import.meta.dirname, '..', '..', '..', 'shared', 'corpus', 'mail', 'MANIFEST.tsv');
  const [, ...rows] = readFileSync(path, 'utf8').trimEnd().split('\n');
  return rows.map((row) => {
    const [file = '', sha256 = '', , , , , notes = ''] = row.split('\t');
    return { file, sha256, tags: /tags: (.+)$/.exec(notes)?.[1]?.split(' ') ?? [] };
  });
}

/**
 * Half of the files have the line ends of Unix, which no IMAP server gives (Dovecot's do not survive its own store). Those with
 * line ends of both kinds stay as they are.
 */
function asServersHaveIt(raw: Buffer): Buffer {
  return raw.includes('\r') ? raw : Buffer.from(raw.toString('latin1').replaceAll('\n', '\r\n'), 'latin1');
}

/** What is wrong with how a message has come through; null where all is well. */
function faultOf(
  original: Buffer,
  copy: Buffer | undefined,
  { state, detail }: Pick<Outcome, 'state' | 'detail'>,
): string | null {
  if (copy === undefined) return `it is ${state} and not there`;
  switch (state) {
    case 'copied':
      return fingerprintOf(copy) === fingerprintOf(original) ? null : 'its bytes are others';
    case 'repaired':
      if (canonicalFingerprintOf(copy) !== canonicalFingerprintOf(original)) return 'it says something else';
      return detail === null || detail === '' ? 'nobody says what was repaired' : null;
    case 'wrapped':
      if (unwrapMessage(copy)?.equals(original) !== true) return 'the original is not in its stub';
      return detail === null || detail === '' ? 'nobody says why it was wrapped' : null;
    default:
      return `it is ${state}: ${detail}`;
  }
}

test('the corpus is the one of the manifest', () => {
  if (corpus === null) return; // that was said above
  const digests = new Map(mails.map(({ name, raw }) => [name, sha256Hex(raw)]));
  expect(manifest.length).toBeGreaterThanOrEqual(900);
  expect(manifest.filter(({ file, sha256 }) => digests.get(file) !== sha256)).toEqual([]);
});

describe.each([
  // What Dovecot takes as it is, Cyrus may refuse: bare LF, header lines without a colon, 8-bit header fields.
  ['Dovecot', { copied: 0.99, wrapped: 0 }],
  ['Cyrus', { copied: 0.7, wrapped: 0.15 }],
] as const)('to %s', (name, shares) => {
  let server: RealServer;
  let source: LabAccount;
  let copy: ImapCopy;
  beforeAll(async () => {
    server = await startRealServer(name);
    source = await startLabAccount();
    for (const [at, { raw: given }] of mails.entries()) {
      const raw = asServersHaveIt(given);
      const internalDate = new Date(Date.UTC(1999, 11, 31, 23, 59, 59) + at * 86_400_000);
      source.mailbox.inbox.append({ raw, flags: at % 3 === 0 ? FLAGS : ['\\Seen'], internalDate });
    }
  });
  afterAll(async () => {
    await source?.close();
    await server?.stop();
  });

  test('every message arrives byte for byte, or repaired or wrapped with the reason, and the features of the manifest are all among them', async () => {
    const account = server.newAccount();
    copy = new ImapCopy(source.account, account);
    expect(await copy.run()).toMatchObject({ moved: mails.length, refused: 0, vanished: 0, faults: [] });
    const found = new Map((await readFolder(account, 'INBOX')).map((each) => [each.uid, each]));
    expect(found.size).toBe(mails.length);
    const outcomes = new Map(copy.ledger.outcomes.map((outcome) => [outcome.uid, outcome]));
    const states = new Map<string, number>();
    const tagsMet = new Set<string>();
    const faults: string[] = [];
    for (const [at, { name: file, raw: given }] of mails.entries()) {
      const raw = asServersHaveIt(given);
      const outcome = outcomes.get(at + 1);
      const there = found.get(outcome?.target?.uid ?? 0);
      const fault = outcome === undefined ? 'nothing is known of it' : faultOf(raw, there?.raw, outcome);
      const date = Date.UTC(1999, 11, 31, 23, 59, 59) + at * 86_400_000;
      if (fault !== null) faults.push(`${file}: ${fault}`);
      // By a measure that shares no code with the product.
      else if (outcome?.state === 'copied' && digestOf(there?.raw ?? EMPTY) !== digestOf(raw))
        faults.push(`${file}: its digest is another`);
      else if (there?.receivedAt !== date) faults.push(`${file}: it arrived at ${there?.receivedAt}`);
      else if (String(there.flags) !== String(at % 3 === 0 ? FLAGS.toSorted() : ['\\Seen']))
        faults.push(`${file}: ${there.flags}`);
      else for (const tag of manifest.find((row) => row.file === file)?.tags ?? []) tagsMet.add(tag);
      states.set(outcome?.state ?? '', (states.get(outcome?.state ?? '') ?? 0) + 1);
    }
    console.log(`${name}: ${[...states].map((pair) => pair.join(' ')).join(', ')}.`);
    expect(faults).toEqual([]);
    expect(tagsMet).toEqual(new Set(manifest.flatMap(({ tags }) => tags)));
    expect(states.get('copied') ?? 0).toBeGreaterThanOrEqual(mails.length * shares.copied);
    expect(states.get('wrapped') ?? 0).toBeLessThanOrEqual(mails.length * shares.wrapped);
  });

  test('re-reading it finds nothing lost or doubled, and a second run brings nothing', async () => {
    expect(await copy.verify()).toMatchObject({ faults: 0, seen: mails.length });
    expect(await copy.run(DELTA)).toMatchObject({ moved: 0, alreadyThere: 0, reflagged: 0, unchanged: 1, bytes: 0 });
  });
});

test('mail with bytes changed at random comes through as well (FUZZ_SEED replays a run)', async () => {
  const seed = process.env['FUZZ_SEED'] ?? String(Date.now());
  const random = new SeededRandom(seed);
  const small = mails.filter(({ raw }) => raw.length < 20_000) as readonly CorpusMail[] as readonly [
    CorpusMail,
    ...CorpusMail[],
  ];
  const server = await startRealServer('Dovecot');
  const source = await startLabAccount();
  const account = server.newAccount();
  const copy = new ImapCopy(source.account, account);
  const until = performance.now() + FUZZ_MS;
  let count = 0;
  for (let number = 1; performance.now() < until; number += 1) {
    const folder = source.mailbox.ensureFolder([`Mutants ${number}`]);
    const mutants = [...Array(150).keys()].map(() => mutate(random.pick(small).raw, random.pick(small).raw, random));
    for (const raw of mutants) folder.append({ raw });
    const before = copy.ledger.outcomes.length;
    await copy.run({ kind: number === 1 ? 'initial' : 'delta', number });
    const found = new Map((await readFolder(account, `Mutants ${number}`)).map(({ uid, raw }) => [uid, raw]));
    const outcomes = new Map(copy.ledger.outcomes.slice(before).map((outcome) => [outcome.uid, outcome]));
    for (const [at, raw] of mutants.entries()) {
      const outcome = outcomes.get(at + 1);
      const fault =
        outcome === undefined ? 'nothing is known of it' : faultOf(raw, found.get(outcome.target?.uid ?? 0), outcome);
      if (fault !== null)
        throw new Error(
          `FUZZ_SEED=${seed}, folder ${number}, UID ${at + 1}: ${fault}\n${JSON.stringify(raw.toString('latin1').slice(0, 4_000))}`,
        );
    }
    expect(found.size).toBe(mutants.length);
    count += mutants.length;
  }
  console.log(`FUZZ_SEED=${seed}: ${count} mutants came through.`);
  expect(count).toBeGreaterThan(0);
  await source.close();
  await server.stop();
});
