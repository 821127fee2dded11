import { MigrationError } from '../../domain/errors.ts';
import type { MadeObject, ProvisioningJournal } from '../../domain/provisioning/made.ts';
import { mayHaveHappened } from '../graph/outcome.ts';

/**
 * Makes what one call makes, so that it is known for ours whatever happens: the intent is durable before the call, the record after it. A
 * call that may have happened is looked for before anybody repeats it. "Exists already" means ours only if an earlier attempt
 * had intended it: else somebody was faster, in the moment between our look and the call.
 * @param happened  reads the tenant back; false lets the error pass, so that a later attempt begins with its own look
 * @param before    of a setting: what it was
 */
export async function makeJournaled(
  journal: ProvisioningJournal,
  made: MadeObject | readonly MadeObject[],
  effect: () => Promise<unknown>,
  happened: () => Promise<boolean>,
  before?: string,
): Promise<void> {
  const objects = [made].flat();
  const fresh: MadeObject[] = [];
  for (const object of objects) if ((await journal.recordIntent(object, before)) === 'new') fresh.push(object);
  let ours = objects;
  try {
    await effect();
  } catch (error) {
    const isThere = mayHaveHappened(error) && (await happened());
    if (!(error instanceof MigrationError && error.code === 'OUTCOME_UNKNOWN')) {
      for (const object of fresh) await journal.recordWithdrawn(object);
      ours = objects.filter((object) => !fresh.includes(object));
    }
    if (!isThere) throw error;
  }
  for (const object of ours) await journal.recordMade(object);
}

/** It is there already: ours if an earlier attempt had intended it and did not live to record it. */
export async function adoptJournaled(journal: ProvisioningJournal, object: MadeObject): Promise<void> {
  if (await journal.isOurs(object)) await journal.recordMade(object);
}
