import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MigrationError } from '../../domain/errors.ts';
import { readPlan } from './read-plan.ts';

const example = (name: string): string => readFileSync(new URL(`../../docs/examples/${name}`, import.meta.url), 'utf8');
const texts = { planText: example('plan.yaml'), mailboxesText: example('mailboxes.csv') };

/** The text with a stretch of it replaced by something else. */
const damaged = (text: string) =>
  fc
    .tuple(
      fc.nat(text.length),
      fc.nat(40),
      fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('"', '\t', ': ', '- ', '&a ', '*a', '!!x', '{', '')),
    )
    .map(([at, length, put]) => text.slice(0, at) + put + text.slice(at + length));

test('whatever the files hold, the answer is a plan or faults with places in the files', () => {
  fc.assert(
    fc.property(damaged(texts.planText), damaged(texts.mailboxesText), (planText, mailboxesText) => {
      try {
        readPlan({ planText, planFile: 'p', mailboxesText, mailboxesFile: 'm' });
      } catch (error) {
        if (!(error instanceof MigrationError) || error.code !== 'PLAN_INVALID') throw error;
        expect(error.faults.length).toBeGreaterThan(0);
        for (const { file, line, column } of error.faults) {
          const lines = (file === 'p' ? planText : mailboxesText).split(/\r\n|\n|\r/);
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(lines.length + 1);
          expect(column).toBeGreaterThanOrEqual(1);
        }
      }
    }),
    { numRuns: 300 },
  );
});
