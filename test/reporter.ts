/**
 * Closes a run with one line, `N passed, N failed`, printed when the process ends and so after everything else; before it, a line
 * for each failure, so that the end of a log is enough to know what failed.
 * A test that was skipped counts as failed unless it is listed here, and a whole run fails when one of the expected suites
 * ran no test: a suite that quietly does not run is the one that is missed.
 */
import { relative, sep } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { Reporter, TestModule, Vitest } from 'vitest/node';

/** Folders below test/ in which a whole run must have run at least one test. */
const EXPECTED_SUITES = [
  'bench',
  'contract',
  'copy',
  'corpus',
  'deploy',
  'e2e',
  'embedded',
  'exchange',
  'hostile',
  'integration',
  'kill',
  'replay',
  'setup',
  'workflow',
] as const;

/** Full names of tests that may be skipped, each with the reason. */
const MAY_BE_SKIPPED: Readonly<Record<string, string>> = {
  'a target that is full > by its disk is tried again, and has lost nothing when there is room':
    'a small disk is mounted, which only root may do, and not in every container',
};

export interface SuiteCounts {
  passed: number;
  failed: number;
  /** Suites below test/ in which a test ran. */
  readonly suites: Set<string>;
  /** One line for each failure. */
  readonly complaints: string[];
}

export class ExpectedSuites implements Reporter {
  readonly #wholeRun: boolean;
  #root = process.cwd();

  /** @param wholeRun whether every suite has to run; set-up says so when it is given no filter. */
  constructor(wholeRun = process.env['MAILFERRY_WHOLE_TEST_RUN'] === '1') {
    this.#wholeRun = wholeRun;
  }

  onInit(vitest: Vitest): void {
    this.#root = vitest.config.root;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts = countTests(modules, this.#root);
    if (this.#wholeRun) requireSuites(counts);
    counts.failed += unhandledErrors.length;
    for (const error of unhandledErrors) counts.complaints.push(`failed: outside of any test: ${firstLine(error)}`);
    if (counts.passed + counts.failed === 0) counts.failed = 1;
    process.once('exit', () => {
      if (counts.failed > 0 && (process.exitCode ?? 0) === 0) process.exitCode = 1;
      for (const complaint of counts.complaints) process.stdout.write(`${complaint}\n`);
      process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`);
    });
  }
}

function countTests(modules: readonly TestModule[], root: string): SuiteCounts {
  const counts: SuiteCounts = { passed: 0, failed: 0, suites: new Set(), complaints: [] };
  for (const module of modules) {
    const path = relative(root, module.moduleId).split(sep);
    let ran = 0;
    let failedHere = 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') {
        counts.passed += 1;
        ran += 1;
      } else if (state === 'failed') {
        failedHere += 1;
        ran += 1;
        counts.complaints.push(`failed: ${path.join('/')} > ${test.fullName}: ${firstLine(test.result().errors?.[0])}`);
      } else if (!Object.hasOwn(MAY_BE_SKIPPED, test.fullName)) {
        failedHere += 1;
        counts.complaints.push(`not run: ${path.join('/')} > ${test.fullName}`);
      }
    }
    // A file that cannot be loaded, or whose hooks fail, has no failed test of its own.
    if (failedHere === 0 && module.state() === 'failed') {
      failedHere = 1;
      counts.complaints.push(`failed: ${path.join('/')}: ${firstLine(module.errors()[0])}`);
    }
    counts.failed += failedHere;
    if (ran > 0 && path[0] === 'test' && path[1] !== undefined) counts.suites.add(path[1]);
  }
  return counts;
}

function firstLine(error: unknown): string {
  const message = error instanceof Object && 'message' in error ? String(error.message) : String(error);
  return stripVTControlCharacters(message).split('\n')[0]?.slice(0, 200) ?? '';
}

function requireSuites(counts: SuiteCounts): void {
  for (const suite of EXPECTED_SUITES) {
    if (counts.suites.has(suite)) continue;
    counts.failed += 1;
    counts.complaints.push(`no test ran in test/${suite}/`);
  }
}
