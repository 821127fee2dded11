import type { DecisionSignal } from '../domain/ports/store.ts';
import type { UpdateArguments, UpdateName, UpdateReceipt } from '../workflows/names.ts';

/**
 * What the API asks of Temporal. Every call: @throws TEMPORAL_UNAVAILABLE when the server, or a worker for an update, does not
 * answer in time; then the outcome is unknown and the same call may be made again.
 */
export interface WorkflowGateway {
  /** Starts the migration; twice is once. @throws NOT_NOW when it has run to its end before. */
  start(migrationId: string, clientId: string): Promise<void>;
  /**
   * Asks the migration to do something and waits for its answer.
   * @param updateId  the same id is carried out once.
   * @throws NOT_NOW with the workflow's own reason when it refuses; NOT_FOUND when no such workflow is running.
   */
  update<Name extends UpdateName>(
    migrationId: string,
    name: Name,
    args: UpdateArguments[Name],
    updateId: string,
  ): Promise<UpdateReceipt>;
  /** Asks for cancellation; twice is once. @throws NOT_FOUND when it is not running. */
  cancel(migrationId: string): Promise<void>;
  /** Checks every mailbox of the list; while one check is running nothing new is started. */
  startPreflight(migrationId: string): Promise<void>;
  isPreflightRunning(migrationId: string): Promise<boolean>;
  /** Plans, or takes back, outside of the story; while one is running nothing new is started. */
  startProvisioning(migrationId: string, what: 'plan' | 'undo'): Promise<void>;
  /** Of the newest one. */
  findProvisioning(migrationId: string, what: 'plan' | 'undo'): Promise<'none' | 'running' | 'done' | 'failed'>;
  /** At least once is enough: the workflow knows decisions by id. @throws NOT_FOUND when it is not running. */
  signalDecision(migrationId: string, payload: DecisionSignal): Promise<void>;
  /** @throws TEMPORAL_UNAVAILABLE */
  check(): Promise<void>;
}
