import { MigrationError } from '../../domain/errors.ts';
import type { CopyKeys } from '../../domain/ports/mail.ts';
import { valueFilter } from './copies.ts';
import { pathOf } from './folders.ts';
import { type Json, type MailboxCalls, objectOf } from './mailbox-calls.ts';
import { PROPERTY } from './property-ids.ts';
import { expandOf, numberOf, propertyOf, query } from './rows.ts';

/** Twins of one key are two at most but for an accident; more than a page of them would be no copy of ours. */
const TOP = '50';

/** Copies by the key that they bear as a named property (exchange.md §3, §9.4): one question a key, several of them in a request. */
export function createCopyKeys(calls: MailboxCalls): CopyKeys {
  return {
    async *find({ id }, keys) {
      const paths = keys.map(
        (key) =>
          `${pathOf(id)}/messages${query({
            $filter: valueFilter(PROPERTY.key, key),
            $select: 'id',
            $expand: expandOf([PROPERTY.uid, PROPERTY.key]),
            $top: TOP,
          })}`,
      );
      const answers = await calls.getMany('find copies by key', paths);
      for (const [at, key] of keys.entries()) {
        const answer = answers[at] ?? null;
        // A filter over a folder that is gone is 404 (exchange.md §3), and not an empty list.
        if (answer === null) throw new MigrationError('FOLDER_VANISHED', 'No such folder.', { facts: { folder: id } });
        for (const row of rowsOf(answer)) {
          if (propertyOf(row, PROPERTY.key)?.toLowerCase() !== key) continue;
          const uid = numberOf(row, PROPERTY.uid);
          if (uid === null) throw new MigrationError('PROTOCOL_VIOLATION', 'The target does not tell a UID.');
          yield { key, uid };
        }
      }
    },
  };
}

function rowsOf({ value }: Json): readonly Json[] {
  return Array.isArray(value) ? (value as unknown[]).map(objectOf) : [];
}
