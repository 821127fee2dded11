import { MigrationError } from '../../domain/errors.ts';
import type { WantedMailbox } from '../../domain/ports/exchange-admin.ts';
import type { ProvisioningJournal } from '../../domain/provisioning/made.ts';
import { segment } from '../graph/graph.ts';
import { makeJournaled } from './journaled.ts';
import { usageLocationOf } from './licences.ts';
import type { Tenant } from './tenant.ts';

const USER_FIELDS = 'id,userPrincipalName,displayName,accountEnabled,usageLocation,assignedLicenses';

export interface User {
  readonly id: string;
  readonly displayName: string;
  readonly accountEnabled: boolean;
  readonly usageLocation: string | null;
  readonly assignedLicenses: readonly { skuId: string }[];
}

export async function findUser({ graph }: Tenant, address: string, signal: AbortSignal): Promise<User | null> {
  const found = await graph.find('get user', `/users/${segment(address)}?$select=${USER_FIELDS}`, signal);
  return found === null ? null : (found as User); // the fields are those that $select asks for
}

/** @throws OUTCOME_UNKNOWN when it was made and is not shown yet */
export async function createUser(
  tenant: Tenant,
  address: string,
  wanted: WantedMailbox,
  journal: ProvisioningJournal,
  signal: AbortSignal,
): Promise<User> {
  const body = {
    accountEnabled: true,
    displayName: wanted.displayName,
    mailNickname: nicknameOf(address),
    userPrincipalName: address,
    usageLocation: await usageLocationOf(tenant.graph, signal),
    // Clients sign in by IMAP and phone, where nobody can be asked for a new password.
    passwordProfile: { password: wanted.password, forceChangePasswordNextSignIn: false },
  };
  await makeJournaled(
    journal,
    { kind: 'user', address, detail: '' },
    () => tenant.graph.post('create user', '/users', body, signal),
    async () => (await findUser(tenant, address, signal)) !== null,
  );
  const user = await findUser(tenant, address, signal);
  if (user !== null) return user;
  throw new MigrationError('OUTCOME_UNKNOWN', 'a user was made and the tenant does not show it yet', {
    facts: { call: 'create user' },
    retryAfterMs: 5_000,
  });
}

/** Exchange allows few characters in an alias name, and 64 of them. */
export function nicknameOf(address: string): string {
  return address
    .replace(/@.*$/, '')
    .replaceAll(/[^\w.-]/g, '-')
    .slice(0, 64);
}
