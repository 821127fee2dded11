import { exchangeSurvey } from './activities.ts';

/**
 * For `mailferry provision`, outside of the story: what would be done, or taking back what was done. What it came to is in the
 * ledger.
 */
export async function provisioning(input: { migrationId: string; what: 'plan' | 'undo' }): Promise<void> {
  const { migrationId } = input;
  switch (input.what) {
    case 'plan':
      await exchangeSurvey.planProvisioning.executeWithOptions({ summary: 'plan what to create and what to adopt' }, [
        { migrationId },
      ]);
      return;
    case 'undo':
      await exchangeSurvey.undoProvisioning.executeWithOptions({ summary: 'take back what nobody has used' }, [
        { migrationId },
      ]);
  }
}
