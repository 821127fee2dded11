import { createImportSettingsActivities } from './import-settings.ts';
import { createProvisioningActivities, type ProvisioningPorts } from './provisioning.ts';
import { createRedirectionActivities, type RedirectionPorts } from './redirection.ts';
import { createUndoActivities } from './undo.ts';

export type ExchangePorts = RedirectionPorts & ProvisioningPorts;

export type ExchangeActivities = ReturnType<typeof createExchangeActivities>;

/** Administration of the hosted tenant (A3, A5, A6, C2). Each is idempotent: what exists and fits is taken over. */
export function createExchangeActivities(ports: ExchangePorts) {
  return {
    ...createProvisioningActivities(ports),
    ...createImportSettingsActivities(ports),
    ...createUndoActivities(ports),
    ...createRedirectionActivities(ports),
  };
}
