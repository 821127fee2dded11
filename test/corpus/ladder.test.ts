/** The rungs of the ladder on real mail, and on real mail with bytes changed at random. Pure: no server, fifteen seconds. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalFingerprintOf } from '../../domain/canonical-fingerprint.ts';
import { fingerprintOf } from '../../domain/fingerprint.ts';
import { segmentsOf } from '../../domain/mime/structure.ts';
import { receivedAtOf } from '../../domain/received-at.ts';
import { type RepairLimits, repairForAppend, repairMessage } from '../../domain/repair.ts';
import { unwrapMessage, wrapMessage } from '../../domain/wrap.ts';
import { type CorpusMail, findCorpus } from '../../lab/corpus.ts';
import { generateMailbox } from '../../lab/mail/generator.ts';
import { SeededRandom } from '../../lab/mail/random.ts';
import { mutate } from '../support/mutated-mail.ts';

const FUZZ_MS = 4_000;
/** Exchange's, and the strictest there is, so that more of the corpus needs a repair. */
const LIMITS: readonly RepairLimits[] = [{}, { maxLineOctets: 998 }];
const NOW = '2026-11-25T12:00:00Z';

type Some<Value> = readonly [Value, ...Value[]];

const mails = readMails();

function readMails(): readonly CorpusMail[] {
  const corpus = findCorpus();
  if (corpus !== null) return corpus;
  console.warn('The mail corpus (../shared/corpus/mail) is missing: generated mail is used instead.');
  const options = { seed: 7, owner: 'ann@example.test', locale: 'de', messages: 900, nasty: 'full' } as const;
  return [...generateMailbox(options)].map(({ raw }, at) => ({ name: `generated ${at}`, raw }));
}

describe('every message of the corpus', () => {
  test('is repaired once and for all, keeps what it says, and what is signed keeps its bytes', () => {
    expect(mails.length).toBeGreaterThanOrEqual(900);
    expect(mails.flatMap(({ name, raw }) => faultsOf(raw).map((fault) => `${name}: ${fault}`))).toEqual([]);
  });

  test('some need each repair, and some are signed, so that the above says something', () => {
    const repairs = new Set(mails.flatMap(({ raw }) => repairMessage(raw, { maxLineOctets: 998 }).repairs));
    expect([...repairs].toSorted()).toEqual(
      expect.arrayContaining(['eight-bit-header', 'line-ends', 'long-line', 'nul']),
    );
    if (findCorpus() !== null)
      expect(mails.filter(({ raw }) => sealedBytes(raw).length > 0).length).toBeGreaterThan(20);
  });

  test('T46: has a date that can be true, or none', () => {
    for (const { name, raw } of mails) {
      const { at, from } = receivedAtOf({ internalDate: null, raw, now: NOW });
      expect({ name, sane: at === null ? from === 'none' : at > '1970-01-02' && at < '2026-11-27' }).toEqual({
        name,
        sane: true,
      });
    }
  });
});

test('mail with bytes changed at random holds to the same rules (FUZZ_SEED replays a run)', () => {
  const seed = process.env['FUZZ_SEED'] ?? String(Date.now());
  const random = new SeededRandom(seed);
  const small = mails.filter(({ raw }) => raw.length < 20_000) as readonly CorpusMail[] as Some<CorpusMail>;
  const until = performance.now() + FUZZ_MS;
  let count = 0;
  for (; performance.now() < until; count += 1) {
    const { name, raw } = random.pick(small);
    const mutant = mutate(raw, random.pick(small).raw, random);
    const faults = faultsOf(mutant);
    if (faults.length > 0)
      throw new Error(
        `FUZZ_SEED=${seed}, mutant ${count} of ${name}: ${faults.join(', ')}\n${JSON.stringify(shrunk(mutant))}`,
      );
  }
  console.log(`FUZZ_SEED=${seed}: ${count} mutants held.`);
  expect(count).toBeGreaterThan(0);
});

/** What is wrong with how the ladder treats a message; empty where all is well. */
function faultsOf(raw: Buffer): string[] {
  const faults: string[] = [];
  const claim = (holds: boolean, fault: string) => {
    if (!holds) faults.push(fault);
  };
  for (const limits of LIMITS) {
    const { raw: repaired, repairs, left } = repairMessage(raw, limits);
    const again = repairMessage(repaired, limits);
    claim(again.raw === repaired && String(again.left) === String(left), 'a second repair changes it');
    claim(canonicalFingerprintOf(repaired) === canonicalFingerprintOf(raw), 'a repair changes what it says');
    claim(String(sealedBytes(repaired)) === String(sealedBytes(raw)), 'a repair changes what is signed');
    claim((repairs.length === 0) === (repaired === raw), 'what was done is not told');
    claim(left.length > 0 || isLawful(repaired, limits.maxLineOctets ?? 9_899), 'what is left is not told');
    const ofBytes = repairs.every((repair) => repair === 'nul' || repair === 'line-ends');
    claim(!ofBytes || fingerprintOf(repaired) === fingerprintOf(raw), 'line ends change the fingerprint');
  }
  const wrapped = wrapMessage(raw, { receivedAt: NOW, reason: 'Refused.' });
  claim(unwrapMessage(wrapped)?.equals(raw) === true, 'what is taken out is not what was put in');
  const { repairs, left } = repairMessage(wrapped, { maxLineOctets: 998 });
  claim(repairs.length + left.length === 0, 'its stub is not lawful');
  return faults;
}

function isLawful(raw: Buffer, maxLineOctets: number): boolean {
  const lines = raw.toString('latin1').split('\r\n');
  return lines.every((line) => line.length <= maxLineOctets && !/[\0\r\n]/.test(line));
}

/** Offsets are those of the message without NUL. */
function sealedBytes(raw: Buffer): string[] {
  return segmentsOf(repairForAppend(raw).raw)
    .filter(({ sealed, start, end }) => sealed && end > start)
    .map(({ start, end }) => raw.toString('latin1', start, end));
}

/** The shortest run of lines of a failing mutant that still fails. */
function shrunk(mutant: Buffer): string {
  const lines = mutant.toString('latin1').split(/(?<=\n)/);
  const fails = (kept: readonly string[]) => faultsOf(Buffer.from(kept.join(''), 'latin1')).length > 0;
  const { counterexample } = fc.check(
    fc.property(fc.subarray(lines), (kept) => !fails(kept)),
    { numRuns: 300, examples: [[lines]] },
  );
  return (counterexample?.[0] ?? lines).join('');
}
