import { MigrationError } from '../domain/errors.ts';
import type { Plan } from '../domain/plan.ts';
import type { HostedTarget } from '../domain/ports/exchange-admin.ts';

/** @throws NOT_NOW for a plain IMAP target */
export function hostedTarget({ target }: Plan): HostedTarget {
  if (target.kind === 'hosted-exchange') return target;
  throw new MigrationError('NOT_NOW', 'the target of this plan has no administration');
}
