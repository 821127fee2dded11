import {
  type Client,
  isGrpcServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { isErrorCode, MigrationError } from '../domain/errors.ts';
import {
  migrationWorkflowId,
  preflightWorkflowId,
  provisioningWorkflowId,
  SIGNALS,
  TASK_QUEUES,
  type UpdateReceipt,
  WORKFLOW_TYPES,
} from '../workflows/names.ts';
import { client as clientKey, migrationKey } from '../workflows/search-attributes.ts';
import { newMigrationState } from '../workflows/state.ts';
import type { WorkflowGateway } from './gateway.ts';

/** A person waits at the other end; the workflow answers an update in well under a second when a worker is up. */
const ANSWER_WITHIN_MS = 10_000;
/** `/readyz` has to answer within two seconds. */
const CHECK_WITHIN_MS = 1_500;

export function createTemporalGateway(temporal: Client): WorkflowGateway {
  const within = <T>(call: () => Promise<T>, ms = ANSWER_WITHIN_MS): Promise<T> =>
    temporal.withDeadline(Date.now() + ms, call).catch((error: unknown) => {
      throw translate(error);
    });
  const migration = (id: string) => temporal.workflow.getHandle(migrationWorkflowId(id));

  return {
    async start(migrationId, clientId) {
      await within(() =>
        temporal.workflow.start(WORKFLOW_TYPES.migration, {
          workflowId: migrationWorkflowId(migrationId),
          taskQueue: TASK_QUEUES.orchestration,
          args: [newMigrationState(migrationId)],
          workflowIdReusePolicy: 'REJECT_DUPLICATE',
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: `Migration of ${clientId}`,
          typedSearchAttributes: [
            { key: migrationKey, value: migrationId },
            { key: clientKey, value: clientId },
          ],
        }),
      );
    },
    async update(migrationId, name, args, updateId) {
      return within(() =>
        migration(migrationId).executeUpdate<UpdateReceipt, [typeof args]>(name, { args: [args], updateId }),
      );
    },
    async cancel(migrationId) {
      await within(() => migration(migrationId).cancel());
    },
    async startPreflight(migrationId) {
      await within(() =>
        temporal.workflow.start(WORKFLOW_TYPES.preflight, {
          workflowId: preflightWorkflowId(migrationId),
          taskQueue: TASK_QUEUES.orchestration,
          args: [{ migrationId }],
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: 'Preflight of every mailbox',
          typedSearchAttributes: [{ key: migrationKey, value: migrationId }],
        }),
      );
    },
    async isPreflightRunning(migrationId) {
      try {
        const { status } = await within(() => temporal.workflow.getHandle(preflightWorkflowId(migrationId)).describe());
        return status.name === 'RUNNING';
      } catch (error) {
        if (error instanceof MigrationError && error.code === 'NOT_FOUND') return false;
        throw error;
      }
    },
    async startProvisioning(migrationId, what) {
      await within(() =>
        temporal.workflow.start(WORKFLOW_TYPES.provisioning, {
          workflowId: provisioningWorkflowId(migrationId, what),
          taskQueue: TASK_QUEUES.orchestration,
          args: [{ migrationId, what }],
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: what === 'plan' ? 'Plan of provisioning' : 'Provisioning is taken back',
          typedSearchAttributes: [{ key: migrationKey, value: migrationId }],
        }),
      );
    },
    async findProvisioning(migrationId, what) {
      try {
        const handle = temporal.workflow.getHandle(provisioningWorkflowId(migrationId, what));
        const { status } = await within(() => handle.describe());
        return status.name === 'RUNNING' ? 'running' : status.name === 'COMPLETED' ? 'done' : 'failed';
      } catch (error) {
        if (error instanceof MigrationError && error.code === 'NOT_FOUND') return 'none';
        throw error;
      }
    },
    async signalDecision(migrationId, payload) {
      await within(() => migration(migrationId).signal(SIGNALS.decision, payload));
    },
    async check() {
      await within(() => temporal.connection.workflowService.getSystemInfo({}), CHECK_WITHIN_MS);
    },
  };
}

function translate(error: unknown): unknown {
  if (error instanceof WorkflowUpdateFailedError) {
    return refusalOf(error);
  }
  if (error instanceof WorkflowExecutionAlreadyStartedError) {
    return new MigrationError('NOT_NOW', 'This migration has run to its end.', { cause: error });
  }
  if (error instanceof WorkflowNotFoundError) {
    return new MigrationError('NOT_FOUND', 'The migration is not running.', { cause: error });
  }
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError || isGrpcServiceError(error)) {
    return new MigrationError(
      'TEMPORAL_UNAVAILABLE',
      'Temporal, or a worker of the migration, did not answer in time.',
      {
        cause: error,
        retryAfterMs: 5_000,
      },
    );
  }
  return error;
}

/** A validator's refusal is an ApplicationFailure with our code; a failed activity of the handler carries its own further down. */
function refusalOf(error: WorkflowUpdateFailedError): MigrationError {
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof ApplicationFailure && isErrorCode(cause.type)) {
      return new MigrationError(cause.type, cause.message, { cause: error });
    }
  }
  return new MigrationError('INTERNAL', 'The migration could not carry this out.', { cause: error });
}
