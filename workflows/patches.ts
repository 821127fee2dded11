import { patched } from '@temporalio/workflow';

export type Patches = ReturnType<typeof askPatches>;

/**
 * What a run does the way that newer code does it. All is asked at the very start of a run, where nothing else is under way: a replay
 * has to ask at the same moment as the run did.
 *
 * Each may go, with its old branch, when no migration from before it lives any more; all are of November 2026.
 */
export function askPatches() {
  return {
    plansProvisioningFirst: patched('provisioning-plan-first'),
    looksForLoops: patched('redirection-looks-for-a-loop'),
    endsRedirection: patched('redirection-ends-with-the-migration'),
    preparesTarget: patched('target-prepared-for-import'),
    restoresTarget: patched('target-settings-restored'),
    publishesByActivity: patched('views-published-by-activity'),
  };
}
