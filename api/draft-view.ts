import type { MigrationView } from '../domain/migration-view.ts';
import type { StoredMigration } from '../domain/ports/store.ts';
import { STEP_IDS, type StepId, type StepState } from '../domain/steps.ts';

/** What is shown of a migration: the view that its workflow published, or that of a plan which waits to be started. */
export function viewOf(migration: StoredMigration): MigrationView {
  if (migration.view !== null) return migration.view;
  const ahead: StepState = { status: 'ahead', waitingFor: [], note: '', evidenceId: null, changedAt: null };
  return {
    status: 'draft',
    phase: 'account-creation',
    step: null,
    waitingFor: ['provider'],
    headline: 'The plan is stored; the migration waits to be started.',
    // The keys of the result are exactly STEP_IDS.
    steps: Object.fromEntries(STEP_IDS.map((id) => [id, { ...ahead }])) as Record<StepId, StepState>,
    openGate: null,
    cutoverAt: migration.plan.cutover.at,
    dnsPath: migration.plan.dns?.path ?? null,
    pass: null,
    progress: 0,
    updatedAt: migration.createdAt,
  };
}
