import { ERRORS } from '../../domain/errors.ts';
import type { MailboxView, MigrationView } from '../../domain/migration-view.ts';
import { routeName } from '../../domain/routes.ts';
import type { Operator } from './parties.ts';
import type { Screen } from './screen.ts';

/**
 * Tells what the story itself does not: by which routes mail gets in, once it has, and which mailboxes wait for a person, and for what.
 * Each once.
 */
export function createMailboxNews(operator: Operator, screen: Screen, migrationId: string) {
  const told = new Set<string>();
  const tell = (text: string): void => {
    if (!told.has(text)) screen.line('mailbox', text);
    told.add(text);
  };
  return async ({ pass, steps }: MigrationView): Promise<void> => {
    const hasMoved = steps.B1.status === 'done' && !told.has(ROUTES_TOLD);
    if ((pass?.held ?? 0) === 0 && !hasMoved) return;
    const { mailboxes } = await operator.rest.get<{ mailboxes: readonly MailboxView[] }>(
      `/v1/migrations/${migrationId}/mailboxes?limit=200`,
    );
    for (const { address, heldCode, heldMessage } of mailboxes) {
      if (heldCode === null) continue;
      const remedy = Object.entries(ERRORS).find(([code]) => code === heldCode)?.[1].remedy ?? '';
      tell(`${address} is held, ${heldCode}: ${heldMessage} ${remedy}`);
    }
    if (!hasMoved) return;
    told.add(ROUTES_TOLD);
    const byRoute = Map.groupBy(mailboxes, ({ routes }) => (routes === null ? 'IMAP' : routeName(routes)));
    for (const [route, those] of byRoute) tell(`mail goes into ${those.length} mailboxes by ${route}`);
  };
}

const ROUTES_TOLD = 'routes';
