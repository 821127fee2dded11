import type { SmtpEndpoint } from './plan.ts';
import type { EntranceAnswer, RecipientAnswer } from './ports/entrances.ts';

/** A place where mail is taken: what it is called, and where that is. */
export interface Place extends SmtpEndpoint {
  /** Addresses of `host`. */
  readonly addresses: readonly string[];
}

export interface LoopFacts {
  /** Where redirected mail would go. */
  readonly old: Place;
  readonly oldAnswer: EntranceAnswer;
  /** Where the tenant takes mail: its entrance, and what MX has or will have. */
  readonly tenant: readonly Place[];
  /** The name that the tenant's entrance gives itself; empty where it was not asked or gives none. */
  readonly tenantName: string;
}

/**
 * Why redirected mail would come back to the tenant, in a sentence; null where nothing of the facts says so. What a server does with
 * a mail after it took it can be seen by a probe only.
 */
export function findLoop({ old, oldAnswer, tenant, tenantName }: LoopFacts): string | null {
  const where = `${old.host}:${old.port}`;
  for (const place of tenant) {
    const isSameName = place.host.toLowerCase() === old.host.toLowerCase() && place.port === old.port;
    const shared = place.port === old.port ? place.addresses.find((one) => old.addresses.includes(one)) : undefined;
    if (isSameName) return `${where} is where the tenant itself takes mail`;
    if (shared !== undefined)
      return `${where} is ${shared}, and so is ${place.host}, where the tenant itself takes mail`;
  }
  // One server behind two names; a bare word like "mail" says nothing.
  if (oldAnswer.name.includes('.') && oldAnswer.name === tenantName)
    return `${where} gives itself the name of the tenant's entrance, ${tenantName}`;
  const elsewhere = oldAnswer.recipients.filter(({ code }) => code === 251 || code === 551);
  return elsewhere.length > 0
    ? `${where} says of ${elsewhere.length} recipients that it sends their mail on to another server`
    : null;
}

/** Recipients whose mail the old server would bounce. Being asked to come later is no refusal: greylisting begins so. */
export function refusedBy({ recipients }: EntranceAnswer): readonly RecipientAnswer[] {
  return recipients.filter(({ code }) => code >= 550 && code <= 559 && code !== 551);
}
