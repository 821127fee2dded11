import type { UpdateDefinition } from '@temporalio/common';
import { ApplicationFailure, condition, defineSignal, defineUpdate, setHandler } from '@temporalio/workflow';
import type { DecisionSignal } from '../../domain/ports/store.ts';
import { SIGNALS, type UpdateReceipt } from '../../workflows/names.ts';

type PauseArguments = [{ by: string; reason: string }];

/** Stands in for the migration workflow where only its answers matter: a second pause is refused; a decision ends it. */
export async function migration(): Promise<string> {
  let paused = false;
  let decisionId = '';
  // Spelled out: under exactOptionalPropertyTypes the overloads do not find the arguments by themselves.
  setHandler<UpdateReceipt, PauseArguments, UpdateDefinition<UpdateReceipt, PauseArguments>>(
    defineUpdate('pause'),
    async ({ by }) => {
      paused = true;
      return { message: `Paused by ${by}.` };
    },
    {
      validator: () => {
        if (paused) throw ApplicationFailure.nonRetryable('the migration is paused already', 'NOT_NOW');
      },
    },
  );
  setHandler(defineSignal<[DecisionSignal]>(SIGNALS.decision), (decision) => {
    decisionId = decision.decisionId;
  });
  await condition(() => decisionId !== '');
  return decisionId;
}
