import { TypedSearchAttributes } from '@temporalio/common';
import { ChildWorkflowCancellationType, ParentClosePolicy } from '@temporalio/workflow';
import { TASK_QUEUES } from './names.ts';
import * as attributes from './search-attributes.ts';

/**
 * What all our children share. They end with their parent, which waits until they have: a copy that goes on unseen would meet
 * its successor. TERMINATE, the default, also strikes when the parent continues as new (facts/temporal.md, trap 8).
 */
export function childOptions({ migrationId, clientId }: { migrationId: string; clientId: string }) {
  return {
    taskQueue: TASK_QUEUES.orchestration,
    priority: { fairnessKey: clientId },
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    typedSearchAttributes: new TypedSearchAttributes([
      { key: attributes.migrationKey, value: migrationId },
      { key: attributes.client, value: clientId },
    ]),
  };
}
