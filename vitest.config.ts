import { defineConfig } from 'vitest/config';
import { ExpectedSuites } from './test/reporter.ts';

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: ['**/node_modules/**', '.cache/**', '.mailferry/**', 'bench/**'],
    // Suites start servers and kill them; forks keep one file's crash from another's.
    pool: 'forks',
    maxWorkers: 2,
    // Bounds, not expectations: the slowest single tests start Temporal and PostgreSQL, kill them and wait for both to come back.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 10_000 } },
    teardownTimeout: 10_000,
    // A forgotten handle must not hold up the run of somebody who waits for the closing line.
    passWithNoTests: false,
    reporters: ['default', new ExpectedSuites()],
  },
});
