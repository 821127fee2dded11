import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { STEP_IDS } from '../../domain/steps.ts';
import { DemoReport, findFaults, isOk } from './report.ts';
import { addDemoSections } from './report-page.ts';

type Mutable = ReturnType<typeof soundReport>;

const BREAKS: Readonly<Record<string, (report: Mutable) => void>> = {
  'a lost message, says the service': (report) => {
    report.total.lost = report.mailboxes[0].lost = 1;
  },
  'a doubled message, says the service': (report) => {
    report.total.doubled = report.mailboxes[0].doubled = 1;
  },
  'a lost message, says the reader': (report) => {
    report.oracle.lost = 1;
  },
  'a doubled message, says the reader': (report) => {
    report.oracle.doubled = 1;
  },
  'a message in a wrong folder': (report) => {
    report.oracle.misfiled = 1;
  },
  'sent mail that is missing': (report) => {
    report.sentDuringMove.missing = 1;
  },
  'sent mail that is there twice': (report) => {
    report.sentDuringMove.more = 1;
  },
  'sent mail that is there in no countable way': (report) => {
    report.sentDuringMove.exactlyOnce -= 1;
  },
  'a straggler that no sweep found': (report) => {
    report.stragglers.found = 2;
  },
  'other bytes that nobody tells of': (report) => {
    report.mailboxes[0].oracle.rewritten = 2;
  },
  'a mail that the hosted side wrote by itself': (report) => {
    report.sentByTenant = 1;
  },
  'a mailbox that is not verified': (report) => {
    report.mailboxes[0].verified = false;
  },
  'a mailbox with a message in no state': (report) => {
    report.total.copied = report.mailboxes[0].copied = 8;
  },
  'a total that is not the sum': (report) => {
    report.total.source = 11;
  },
  'a step that is not done': (report) => {
    report.steps.C5.status = 'doing';
  },
};

describe('the report of the demo', () => {
  test('is well when all is', () => {
    expect(findFaults(soundReport())).toEqual([]);
    expect(isOk(soundReport())).toBe(true);
  });

  test('is well when a step is not needed', () => {
    const report = soundReport();
    report.steps.A5.status = 'not-needed';
    expect(isOk(report)).toBe(true);
  });

  test.each(Object.entries(BREAKS))('is not well with %s', (_, damage) => {
    const report = soundReport();
    damage(report);
    expect(findFaults(report)).toHaveLength(1);
    expect(isOk(report)).toBe(false);
  });

  test('has the documented shape and no other', () => {
    const report = { ok: true, ...soundReport() };
    expect(DemoReport.safeParse(report).success).toBe(true);
    expect(DemoReport.safeParse({ ...report, more: 1 }).success).toBe(false);
    expect(DemoReport.safeParse({ ...report, seconds: undefined }).success).toBe(false);
  });

  test('is documented field by field', () => {
    const page = readFileSync(new URL('../../docs/demo.md', import.meta.url), 'utf8');
    const { mailboxes, sentDuringMove, stragglers, total } = DemoReport.shape;
    const names = [DemoReport, mailboxes.element, sentDuringMove, stragglers, total].flatMap(({ shape }) =>
      Object.keys(shape),
    );
    const step = Object.keys(DemoReport.shape.steps.shape.A1.shape);
    for (const name of [...names, ...step]) expect(page, name).toMatch(new RegExp(`[\`.]${name}(\\[\\])?\``));
  });

  test('adds its sections to the page of the service, with names as text', () => {
    const report = { ok: true, ...soundReport() };
    report.mailboxes[0].address = '<b>@example.test';
    const page = addDemoSections('<main><h1>x</h1></main></body>', report);
    expect(page).toMatch(/^<main><h1>x<\/h1><h2>.*<\/main><\/body>$/s);
    expect(page).toContain('&lt;b&gt;@example.test');
    expect(() => addDemoSections('<p>another page</p>', report)).toThrow('</main>');
  });
});

function soundReport() {
  const tally = {
    ...{ source: 10, copied: 9, repaired: 1, wrapped: 0, alreadyThere: 0 },
    ...{ vanished: 0, excluded: 0, refused: 0, lost: 0, doubled: 0 },
  };
  const none = { lost: 0, doubled: 0, misfiled: 0, rewritten: 0 };
  const step = (): DemoReport['steps']['A1'] => ({
    ...{ status: 'done', waitingFor: [], note: '', evidenceId: null, changedAt: '2026-11-23T14:43:22.444Z' },
  });
  const mailbox = { address: 'a@example.test', ...tally, verified: true, oracle: { ...none, rewritten: 1 } };
  const arrivals = { sent: 4, exactlyOnce: 4, missing: 0, more: 0 };
  return {
    seed: 'x',
    migrationId: 'mig_1',
    seconds: 1.5,
    source: 'Dovecot' as const,
    total: { ...tally },
    mailboxes: [mailbox] as [typeof mailbox],
    oracle: { ...none },
    route: null,
    sentDuringMove: { ...arrivals, routes: [{ route: 'old-mx' as const, ...arrivals }] },
    stragglers: { sent: 3, found: 3, sweeps: 2 },
    sentByTenant: 0,
    workerKills: ['initial-1'],
    steps: Object.fromEntries(STEP_IDS.map((id) => [id, step()])) as DemoReport['steps'], // keys are all the ids
  };
}
