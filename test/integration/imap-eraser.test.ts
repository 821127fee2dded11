import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createImapEraserConnector } from '../../adapters/imap/eraser.ts';
import { collect } from '../../domain/collect.ts';
import type { TargetEraser } from '../../domain/ports/eraser.ts';
import { proofOfTest } from '../support/deletion-proof.ts';
import { neverAborted, plainAccount, testSecrets } from '../support/imap-accounts.ts';
import { type ImapLab, startImapLab } from '../support/imap-lab.ts';

const INBOX = { id: 'INBOX', path: ['INBOX'], role: 'inbox' } as const;

describe('an eraser over IMAP', () => {
  let lab: ImapLab;
  let eraser: TargetEraser;
  const find = (mayWrite = () => true) => {
    const account = plainAccount(lab.server.port, 'ann');
    return createImapEraserConnector(testSecrets).openEraser(proofOfTest(), account, neverAborted, { mayWrite });
  };
  const open = async (mayWrite?: () => boolean) => {
    const found = await find(mayWrite);
    if (found === null) throw new Error('the server has UIDPLUS');
    return found;
  };
  const uids = () => lab.inbox.messages.map(({ uid }) => uid);
  const validity = () => String(lab.inbox.uidValidity);

  beforeEach(async () => {
    lab = await startImapLab();
    for (let n = 1; n <= 5; n += 1) lab.inbox.append({ raw: Buffer.from(`Subject: ${n}\r\n\r\n${n}\r\n`) });
    eraser = await open();
  });
  afterEach(async () => {
    await eraser.close();
    await lab.close();
  });

  test('reads and removes exactly what it is told to, and nothing that its owner has marked', async () => {
    lab.inbox.setFlags(4, new Set(['\\Deleted']));
    const copies = await collect(eraser.readCopies(INBOX, validity(), [2, 3, 99]));
    expect(copies.map(({ uid, raw }) => [uid, raw.toString()])).toEqual([
      [2, 'Subject: 2\r\n\r\n2\r\n'],
      [3, 'Subject: 3\r\n\r\n3\r\n'],
    ]);
    await eraser.removeExactly(proofOfTest(), INBOX, validity(), [2, 3, 99]);
    expect(uids()).toEqual([1, 4, 5]);
    await eraser.removeExactly(proofOfTest(), INBOX, validity(), [2, 3]);
    await eraser.close();
    expect(uids()).toEqual([1, 4, 5]);
  });

  test('does nothing in a folder whose UIDs mean other messages now', async () => {
    const before = validity();
    lab.inbox.renumber(4711);
    await expect(collect(eraser.readCopies(INBOX, before, [1]))).rejects.toMatchObject({
      code: 'FOLDER_VANISHED',
    });
    const removal = eraser.removeExactly(proofOfTest(), INBOX, before, [1]);
    await expect(removal).rejects.toMatchObject({ code: 'FOLDER_VANISHED' });
    expect(uids()).toHaveLength(5);
  });

  test('does nothing any more when the lease is lost', async () => {
    await eraser.close();
    let mayWrite = true;
    eraser = await open(() => mayWrite);
    await collect(eraser.readCopies(INBOX, validity(), [1]));
    mayWrite = false;
    const removal = eraser.removeExactly(proofOfTest(), INBOX, validity(), [1]);
    await expect(removal).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(uids()).toHaveLength(5);
  });

  test('is none where the server has no UIDPLUS', async () => {
    await eraser.close();
    await lab.close();
    lab = await startImapLab({ capabilities: ['IMAP4rev1'] });
    expect(await find()).toBeNull();
  });
});
