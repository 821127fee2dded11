import type { PlannedMailbox } from '../plan.ts';
import type { ProvisionedMailbox } from '../ports/exchange-admin.ts';
import type { FoundList } from './found.ts';

/** A mailbox as the tenant tells it, beside what was asked. */
export interface ComparedMailbox {
  readonly address: string;
  readonly name: string;
  readonly kind: 'user' | 'shared';
  readonly licences: readonly string[];
  readonly aliases: readonly string[];
  readonly sendAs: readonly string[];
  readonly asked: {
    readonly name: string;
    readonly kind: 'user' | 'shared';
    /** Null: any that brings a mailbox. */
    readonly licence: string | null;
    readonly aliases: readonly string[];
    readonly sendAs: readonly string[];
  };
  /** A sentence each, without a subject. */
  readonly differences: readonly string[];
}

export interface ComparedList {
  readonly address: string;
  readonly members: readonly string[];
  readonly asked: readonly string[];
  readonly missing: readonly string[];
  readonly differences: readonly string[];
}

/** Addresses compare without case: tenants write them their own way. What is there beyond what was asked is no difference. */
export function compareMailbox(planned: PlannedMailbox, found: ProvisionedMailbox): ComparedMailbox {
  const { displayName, kind = 'user', licence = null, aliases, sendAs = [] } = planned;
  const differences = [
    ...lacking(aliases, found.aliases).map((alias) => `alias ${alias} is missing`),
    ...lacking(sendAs, found.sendAs).map((sender) => `${sender} may not send as it`),
  ];
  if (found.address.toLowerCase() !== planned.address.toLowerCase()) {
    differences.push(`has the primary address ${found.address}, asked was ${planned.address}`);
  }
  if (found.displayName !== displayName)
    differences.push(`is named '${found.displayName}', asked was '${displayName}'`);
  if (found.kind !== kind) differences.push(`is a ${found.kind} mailbox, asked was a ${kind} one`);
  if (licence !== null && !found.licences.includes(licence)) {
    differences.push(`has the licence ${found.licences.join(', ') || 'none'}, asked was ${licence}`);
  }
  return {
    address: found.address,
    name: found.displayName,
    kind: found.kind,
    licences: found.licences,
    aliases: found.aliases,
    sendAs: found.sendAs,
    asked: { name: displayName, kind, licence, aliases, sendAs },
    differences,
  };
}

export function compareList(address: string, asked: readonly string[], found: FoundList | null): ComparedList {
  if (found === null) return { address, members: [], asked, missing: asked, differences: ['the list is not there'] };
  return {
    address,
    members: found.members,
    asked,
    missing: lacking(asked, found.members),
    differences: found.takesOutsiders ? [] : ['refuses senders outside the organisation'],
  };
}

function lacking(wanted: readonly string[], found: readonly string[]): string[] {
  const there = new Set(found.map((one) => one.toLowerCase()));
  return wanted.filter((one) => !there.has(one.toLowerCase()));
}
