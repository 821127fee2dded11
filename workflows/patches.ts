import { patched } from '@temporalio/workflow';

export type Patches = ReturnType<typeof askPatches>;

/**
 * What a run does the way that newer code does it. All is asked at the very start of a run: later a local activity (publishView) may be
 * under way, and a replay then asks at another moment than the run did. Seen on two loaded cores: "Non-deprecated patch marker encountered
 * for change provisioning-plan-first, but there is no corresponding change command".
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
  };
}
