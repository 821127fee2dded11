import { nstring } from '../envelope.ts';
import type { Token } from '../parser.ts';
import { Refusal } from '../refusal.ts';
import type { Session } from '../session.ts';
import { folderNamed } from './mailbox-argument.ts';

const ROOT = 'Mailbox';

/** GETQUOTAROOT of RFC 9208 §4.1.2: one root for the whole mailbox, or none where it has no limit. */
export async function getQuotaRoot(session: Session, args: readonly Token[]): Promise<string> {
  const quota = quotaOf(session);
  const { wireName } = folderNamed(session, args[0]);
  await session.send('* QUOTAROOT ', ...nstring(wireName), ...(quota === null ? [] : [` "${ROOT}"`]));
  if (quota !== null) await tell(session, quota);
  return 'OK Done';
}

export async function getQuota(session: Session): Promise<string> {
  const quota = quotaOf(session);
  if (quota === null) return 'NO No such quota root';
  await tell(session, quota);
  return 'OK Done';
}

interface Quota {
  readonly usedBytes: number;
  readonly limitBytes: number;
}

function quotaOf(session: Session): Quota | null {
  const { quotaOf } = session.server.options;
  if (quotaOf === undefined) throw new Refusal('BAD Unknown command');
  return quotaOf(session.account?.user ?? '');
}

/** In units of 1,024 octets (RFC 9208 §5.1). */
async function tell(session: Session, { usedBytes, limitBytes }: Quota): Promise<void> {
  const [used, limit] = [Math.ceil(usedBytes / 1024), Math.floor(limitBytes / 1024)];
  await session.send(`* QUOTA "${ROOT}" (STORAGE ${used} ${limit})`);
}
