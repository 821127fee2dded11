/**
 * How clients and workers reach Temporal: by the TEMPORAL_* variables and the profile file that all of Temporal's tools read.
 */
import { loadClientConnectConfig } from '@temporalio/envconfig';

export type TemporalConnectOptions = ReturnType<typeof loadClientConnectConfig>['connectionOptions'];

/**
 * Options for `Connection.connect` and `NativeConnection.connect` alike: address, TLS, API key, headers.
 *
 * @param env  the environment; TEMPORAL_CONFIG_FILE and TEMPORAL_PROFILE choose a profile.
 */
export function temporalConnectOptions(env: Readonly<Record<string, string | undefined>>): TemporalConnectOptions {
  const overrideEnvVars: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && value !== '') overrideEnvVars[name] = value;
  }
  const profile = overrideEnvVars['TEMPORAL_PROFILE'];
  return loadClientConnectConfig({ overrideEnvVars, ...(profile !== undefined && { profile }) }).connectionOptions;
}
