import { createHmac, randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { SignIns } from '../../domain/ports/connections.ts';
import type { Db } from './database.ts';
import { storableText } from './encoding.ts';

/**
 * Refused sign-ins in PostgreSQL. Of a secret only HMAC-SHA-256 under a key of the account's own is kept, so equal passwords of two
 * accounts cannot be told, and `forget` takes the key away too.
 */
export function createSignIns(db: Db): SignIns {
  return {
    async isRefused(account, secret) {
      const row = await db
        .selectFrom('refused_sign_ins')
        .select(['salt', 'digests'])
        .where('account', '=', storableText(account))
        .executeTakeFirst();
      return row?.digests.includes(digestOf(row.salt, secret)) ?? false;
    },
    async recordRefused(account, secret) {
      const name = storableText(account);
      // Updates nothing, but gives the salt of whoever was first.
      const { rows } = await sql<{ salt: Buffer }>`
        insert into refused_sign_ins (account, salt) values (${name}, ${randomBytes(32)})
        on conflict (account) do update set refused_at = now()
        returning salt`.execute(db);
      const [row] = rows;
      if (row === undefined) throw new Error('an upsert returned no row');
      const digest = digestOf(row.salt, secret);
      // Under the salt that was read: when the account is forgotten in between, it stays forgotten.
      await sql`
        update refused_sign_ins set digests = digests || ${digest}::text
        where account = ${name} and salt = ${row.salt} and ${digest} <> all (digests)`.execute(db);
    },
    async forget(account) {
      await db.deleteFrom('refused_sign_ins').where('account', '=', storableText(account)).execute();
    },
  };
}

function digestOf(salt: Buffer, secret: string): string {
  return createHmac('sha256', salt).update(secret).digest('hex');
}
