/** The hidden folder in which messages are put together that one request does not hold. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { STAGING_NAME } from '../../adapters/graph/staging.ts';
import type { Message } from '../../domain/mail.ts';
import type { MailTarget, OpenedFolder } from '../../domain/ports/mail.ts';
import type { Fault, TenantCall } from '../../lab/exchange/tenant.ts';
import { GraphMailbox } from '../support/graph-mailbox.ts';
import { mailWithFile } from '../support/graph-world.ts';

const KEY = 'a2'.padEnd(52, 'q');
const DAY_MS = 86_400_000;

let mailbox: GraphMailbox;
let target: MailTarget;
let inbox: OpenedFolder;
beforeEach(async () => {
  mailbox = await GraphMailbox.start();
  target = await mailbox.open('graph-json');
  inbox = await target.ensureFolder(['INBOX'], 'inbox');
});
afterEach(async () => {
  await target.close();
  await mailbox.close();
});

const large = (text = 'large', key: string | null = KEY): Message => ({
  raw: Buffer.from(mailWithFile(text, 3_200_000)),
  flags: [],
  receivedAt: '2026-01-02T03:04:05Z',
  ...(key !== null && { key }),
});
const staged = () => mailbox.account.findFolder([STAGING_NAME])?.messages.length ?? 0;

/** An attempt that dies at the first call of this kind. */
async function dieAt(kind: RegExp, message: Message, fault: Fault = { drop: true }): Promise<void> {
  let isDead = false;
  mailbox.fault(({ name }: TenantCall) => {
    if (isDead) return { drop: true };
    isDead = kind.test(name);
    return isDead ? fault : null;
  });
  const dying = await mailbox.open('graph-json');
  await expect(dying.append(inbox, message)).rejects.toMatchObject({ code: expect.stringMatching(/LOST|BUSY/) });
  await dying.close();
  mailbox.fault(() => null);
}

describe('what a dead attempt has left in the hidden folder', () => {
  test('is taken up where it is of the same message, whole or not', async () => {
    await dieAt(/^PUT /, large());
    expect(staged()).toBe(1);
    const { calls } = mailbox.fault(() => null);
    await target.append(inbox, large());
    expect(calls.filter((call) => /^POST \S+\/messages$/.test(call))).toEqual([]);
    await dieAt(/\/move$/, large('second', KEY.replace('a', 'b')));
    const again = mailbox.fault(() => null);
    await target.append(inbox, large('second', KEY.replace('a', 'b')));
    expect(again.calls.filter((call) => /^PUT|createUploadSession/.test(call))).toEqual([]);
    expect([mailbox.account.inbox.messages.length, staged()]).toEqual([2, 0]);
  });

  test('is removed where it was made of something else, and nothing of others is', async () => {
    await dieAt(/\/move$/, large('first form'));
    const folder = mailbox.account.findFolder([STAGING_NAME]);
    folder?.append({ raw: Buffer.from('Subject: not ours\r\n\r\nx\r\n') });
    await target.append(inbox, large('other form'));
    expect(folder?.messages.map(({ raw }) => raw.toString('latin1', 0, 17))).toEqual(['Subject: not ours']);
    expect(mailbox.seen()['INBOX']).toHaveLength(1);
  });

  test('goes away after a day, though nobody asks for its message again', async () => {
    await dieAt(/^PUT /, large('gone', null));
    mailbox.pass(DAY_MS + 1_000);
    const folder = mailbox.account.findFolder([STAGING_NAME]);
    folder?.append({ raw: Buffer.from('Subject: not ours\r\n\r\nx\r\n') });
    mailbox.pass(DAY_MS + 1_000);
    await target.append(inbox, large());
    expect(staged()).toBe(1);
    expect(mailbox.seen()['INBOX']).toHaveLength(1);
  });

  test('is never a folder of the mailbox', async () => {
    await dieAt(/^PUT /, large());
    const paths: string[] = [];
    for await (const { path } of target.listFolders()) paths.push(path.join('/'));
    expect(paths).toContain('INBOX');
    expect(paths).not.toContain(STAGING_NAME);
    await expect(target.ensureFolder([STAGING_NAME], null)).rejects.toMatchObject({ code: 'FOLDER_REFUSED' });
  });
});

test('nothing is sent any more when the lease is lost, at whatever point', async () => {
  let isOurs = true;
  const fenced = await mailbox.open('graph-json', { mayWrite: () => isOurs });
  mailbox.fault(({ name }) => {
    if (/createUploadSession$/.test(name)) isOurs = false;
    return null;
  });
  await expect(fenced.append(inbox, large())).rejects.toMatchObject({ code: 'LEASE_LOST' });
  const after = mailbox.fault(() => null);
  await expect(fenced.append(inbox, large())).rejects.toMatchObject({ code: 'LEASE_LOST' });
  await expect(fenced.storeFlags(inbox, 1, { add: ['\\Seen'], remove: [] })).resolves.toBeUndefined();
  expect(after.calls.filter((call) => !/^GET|\$batch$/.test(call))).toEqual([]);
  await fenced.close();
});
