import { MigrationError } from './errors.ts';

/**
 * How mail that reaches the tenant gets to the old server while people still work there (exchange.md §6.4). `relay`: the domain is an
 * internal relay, and a rule sends its mail on through a connector; nothing stays at the target. `forwarding`: each mailbox
 * forwards with a copy to a routing address at the old server, so mail arrives at both.
 */
export const REDIRECTION_MEANS = ['relay', 'forwarding'] as const;
export type RedirectionMeans = (typeof REDIRECTION_MEANS)[number];

/** What stands in the way of each means; empty where it can be used. Sentences for an operator. */
export type RedirectionObstacles = Readonly<Record<RedirectionMeans, readonly string[]>>;

/**
 * `auto` takes the relay where it can be used: it needs nothing of each mailbox, and recipients whom only the old server knows
 * are not bounced. @throws REDIRECTION_CONFLICT, naming what stands in the way
 */
export function chooseMeans(asked: 'auto' | RedirectionMeans, obstacles: RedirectionObstacles): RedirectionMeans {
  const possible = asked === 'auto' ? REDIRECTION_MEANS : [asked];
  const chosen = possible.find((means) => obstacles[means].length === 0);
  if (chosen) return chosen;
  const why = possible.map((means) => `${means}: ${obstacles[means].join('; ')}`).join('. ');
  throw new MigrationError('REDIRECTION_CONFLICT', `no means of redirection can be used as the tenant is. ${why}`, {
    facts: { asked },
  });
}

/** A mailbox, and the address at the old server to which its copies go. */
export interface Forward {
  readonly mailbox: string;
  readonly to: string;
}

/** `anna@example.test` by the old server's name for it, `anna@old.example.test`. Lower case. */
export function planForwards(mailboxes: readonly string[], routingDomain: string | null): readonly Forward[] {
  if (routingDomain === null) return [];
  return mailboxes.map((address) => {
    const mailbox = address.toLowerCase();
    return { mailbox, to: `${mailbox.slice(0, mailbox.lastIndexOf('@'))}@${routingDomain.toLowerCase()}` };
  });
}

/** What the plan alone says against forwarding. */
export function obstaclesOfForwards(forwards: readonly Forward[], routingDomain: string | null): readonly string[] {
  if (routingDomain === null) return ['the plan names no `target.redirectTo.routingDomain`'];
  const byTarget = Map.groupBy(forwards, ({ to }) => to);
  return [...byTarget]
    .filter(([, each]) => each.length > 1)
    .map(([to, each]) => `${each.map(({ mailbox }) => mailbox).join(' and ')} would both forward to ${to}`);
}
