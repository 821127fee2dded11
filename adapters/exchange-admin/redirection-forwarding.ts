import type { WantedRedirection } from '../../domain/ports/exchange-admin.ts';
import type { RedirectionMemory } from '../../domain/ports/redirection.ts';
import type { Json } from '../../domain/ports/store.ts';
import type { Forward } from '../../domain/redirection.ts';
import { effectOrLook } from '../graph/outcome.ts';
import { type CmdletRow, isNotAllowed, textOf, textsOf } from './cmdlets.ts';
import { OutboundForwarding } from './outbound-forwarding.ts';
import type { Tenant } from './tenant.ts';

/** What `Get-Mailbox` says of forwarding. */
interface Forwarding {
  /** `smtp:address`; null where none is set. */
  readonly smtpAddress: string | null;
  readonly address: string | null;
  readonly keepsCopy: boolean;
}

/**
 * Each mailbox forwards with a copy to its routing address at the old server (exchange.md §6.3), and a policy lets these mailboxes
 * forward out. The policy comes first and goes last: without it copies are dropped with a report to the sender.
 */
export async function ensureForwarding(
  tenant: Tenant,
  wanted: WantedRedirection,
  memory: RedirectionMemory,
  signal: AbortSignal,
): Promise<void> {
  await new OutboundForwarding(tenant, wanted).allow(signal);
  for (const forward of wanted.forwards) {
    const before = await readForwarding(tenant, forward.mailbox, signal);
    if (before === null || isWanted(before, forward)) continue;
    await memory.record(objectOf(forward), { ...before, to: forward.to });
    const values = { smtpAddress: `smtp:${forward.to}`, address: null, keepsCopy: true };
    await writeForwarding(tenant, forward.mailbox, values, signal);
  }
}

export async function endForwarding(
  tenant: Tenant,
  wanted: WantedRedirection,
  memory: RedirectionMemory,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const left: string[] = [];
  // What has no record is not ours, be it the same. What has one is, be its mailbox off the list since.
  const ofDomain = (await memory.list()).filter((object) => isOfDomain(object, wanted.domain));
  for (const object of ofDomain) {
    const mailbox = object.slice(OBJECT.length);
    const recorded = readRecord(await memory.find(object));
    const now = await readForwarding(tenant, mailbox, signal);
    if (now !== null && recorded !== null && isWanted(now, { mailbox, to: recorded.to }))
      await writeForwarding(tenant, mailbox, recorded.before, signal);
    else if (now !== null && recorded !== null && !isSame(now, recorded.before))
      left.push(`${mailbox}: its forwarding was changed meanwhile and stays as it is`);
    await memory.forget(object);
  }
  await new OutboundForwarding(tenant, wanted).disallow(signal);
  return left;
}

/** A forward that no policy lets out is none. */
export async function findForwards(
  tenant: Tenant,
  wanted: WantedRedirection,
  signal: AbortSignal,
): Promise<readonly Forward[]> {
  if (wanted.forwards.length === 0) return [];
  const set: Forward[] = [];
  for (const forward of wanted.forwards) {
    const now = await readForwarding(tenant, forward.mailbox, signal);
    if (now !== null && isWanted(now, forward)) set.push(forward);
  }
  if (set.length === 0) return [];
  const isAllowed = await new OutboundForwarding(tenant, wanted).readAllowed(signal);
  return set.filter(({ mailbox }) => isAllowed(mailbox));
}

export async function obstaclesOfForwarding(
  tenant: Tenant,
  wanted: WantedRedirection,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const [first] = wanted.forwards;
  if (first === undefined) return ['no routing address is planned'];
  const obstacles: string[] = [];
  const routingDomain = first.to.replace(/^.*@/, '');
  if ((await tenant.cmdlets.find('Get-AcceptedDomain', routingDomain, signal)) !== null)
    obstacles.push(`${routingDomain} is a domain of the tenant itself, so copies would not leave it`);
  try {
    await new OutboundForwarding(tenant, wanted).readAllowed(signal);
  } catch (error) {
    if (!isNotAllowed(error)) throw error;
    obstacles.push('the application may not read the outbound spam policies');
  }
  if (wanted.existing === 'replace') return obstacles;
  for (const forward of wanted.forwards) {
    const now = await readForwarding(tenant, forward.mailbox, signal);
    if (now === null || isWanted(now, forward)) continue;
    if (now.address !== null || now.smtpAddress !== null)
      obstacles.push(
        `${forward.mailbox} already forwards to ${(now.address ?? now.smtpAddress)?.replace(/^smtp:/i, '')}`,
      );
  }
  return obstacles;
}

/** Null where the mailbox is not there (any more). */
async function readForwarding(tenant: Tenant, mailbox: string, signal: AbortSignal): Promise<Forwarding | null> {
  const row = await tenant.cmdlets.find('Get-Mailbox', mailbox, signal);
  return row === null ? null : forwardingIn(row);
}

async function writeForwarding(tenant: Tenant, mailbox: string, values: Forwarding, signal: AbortSignal) {
  const { smtpAddress, address, keepsCopy } = values;
  await effectOrLook(
    () =>
      tenant.cmdlets.run(
        'Set-Mailbox',
        {
          Identity: mailbox,
          ForwardingSmtpAddress: smtpAddress,
          ForwardingAddress: address,
          DeliverToMailboxAndForward: keepsCopy,
        },
        signal,
      ),
    async () => {
      const now = await readForwarding(tenant, mailbox, signal);
      return now !== null && isSame(now, values);
    },
  );
}

function forwardingIn(row: CmdletRow): Forwarding {
  const text = (field: string) => textsOf(row, field)[0] ?? (textOf(row, field) || null);
  return {
    smtpAddress: text('ForwardingSmtpAddress'),
    address: text('ForwardingAddress'),
    keepsCopy: row['DeliverToMailboxAndForward'] === true,
  };
}

function isWanted({ smtpAddress, address, keepsCopy }: Forwarding, { to }: Forward): boolean {
  return address === null && keepsCopy && smtpAddress?.replace(/^smtp:/i, '').toLowerCase() === to.toLowerCase();
}

function isSame(one: Forwarding, other: Forwarding): boolean {
  const same = (a: string | null, b: string | null) => a?.toLowerCase() === b?.toLowerCase();
  return (
    same(one.smtpAddress, other.smtpAddress) && same(one.address, other.address) && one.keepsCopy === other.keepsCopy
  );
}

function readRecord(json: Json | null): { readonly before: Forwarding; readonly to: string } | null {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return null;
  const { smtpAddress, address, keepsCopy, to } = json as Readonly<Record<string, Json>>;
  const text = (value: Json | undefined) => (typeof value === 'string' ? value : null);
  return {
    before: { smtpAddress: text(smtpAddress), address: text(address), keepsCopy: keepsCopy === true },
    to: text(to) ?? '',
  };
}

const OBJECT = 'forwarding of ';

function objectOf({ mailbox }: Forward): string {
  return `${OBJECT}${mailbox.toLowerCase()}`;
}

function isOfDomain(object: string, domain: string): boolean {
  return object.startsWith(OBJECT) && object.endsWith(`@${domain.toLowerCase()}`);
}
