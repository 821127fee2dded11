/** T52 of the hostile cases: servers with less than others, each through a first pass, a delta and one without changes. */
import { afterEach, describe, expect, test } from 'vitest';
import { ALL_CAPABILITIES, type ImapServerOptions } from '../../lab/imap/options.ts';
import { ImapCopy } from '../support/imap-copy.ts';
import { type LabAccount, startLabAccount } from '../support/lab-account.ts';
import { DELTA, mailText } from '../support/memory-world.ts';

const open: { close(): Promise<void> }[] = [];
const third = { kind: 'delta', number: 3 } as const;
const LETTERS = ['a', 'b', 'c', 'd', 'e', 'twin', 'twin'];

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function lab(options: Partial<Omit<ImapServerOptions, 'store'>> = {}): Promise<LabAccount> {
  const account = await startLabAccount(options);
  open.push(account);
  return account;
}

function fill({ mailbox }: LabAccount, texts: readonly string[]): void {
  for (const text of texts) mailbox.inbox.append({ raw: Buffer.from(mailText(text)) });
}

function textsOf({ mailbox }: LabAccount, folder: readonly string[] = ['INBOX']): readonly string[] {
  const found = mailbox.findFolder(folder)?.messages ?? [];
  return found.map(({ raw }) => raw.toString('latin1').split('\r\n')[2] ?? '').toSorted();
}

describe('T52: what a server has not announced', () => {
  const without = (...names: string[]) => ALL_CAPABILITIES.filter((name) => !names.includes(name));
  const CASES: readonly [string, readonly string[]][] = [
    ...[
      'UIDPLUS',
      'LITERAL+',
      'IDLE',
      'MULTIAPPEND',
      'SPECIAL-USE',
      'NAMESPACE',
      'LIST-STATUS',
      'UNSELECT',
      'ENABLE',
    ].map((name): [string, readonly string[]] => [`no ${name}`, without(name)]),
    ['no QRESYNC', without('QRESYNC')],
    ['no CONDSTORE', without('CONDSTORE', 'QRESYNC')],
    ['ESEARCH too', [...ALL_CAPABILITIES, 'ESEARCH']],
    ['nothing but IMAP4rev1', ['IMAP4rev1']],
  ];

  test.each(CASES)('%s: a first pass, a delta and one without changes end the same', async (_, capabilities) => {
    const source = await lab({ capabilities });
    const target = await lab({ capabilities });
    fill(source, LETTERS);
    const sent = source.mailbox.ensureFolder(['Sent'], 'sent');
    sent.append({ raw: Buffer.from(mailText('sent')) });
    const copy = new ImapCopy(source.account, target.account);
    expect(await copy.run()).toMatchObject({ copied: 8, faults: [] });
    source.mailbox.inbox.expunge([1]);
    source.mailbox.inbox.setFlags(2, new Set(['\\Seen']));
    fill(source, ['new']);
    expect(await copy.run(DELTA)).toMatchObject({ copied: 1, alreadyThere: 0 });
    expect(textsOf(target)).toEqual([...LETTERS, 'new'].toSorted());
    expect(textsOf(target, ['Sent'])).toEqual(['sent']);
    const seen = target.mailbox.inbox.messages.filter(({ flags }) => flags.has('\\Seen')).map(({ raw }) => String(raw));
    // Without UIDPLUS nobody knows which copy it is, and none is touched.
    expect(seen).toEqual(capabilities.includes('UIDPLUS') ? [mailText('b')] : []);
    expect(await copy.run(third)).toMatchObject({ moved: 0, reflagged: 0, bytes: 0 });
    expect(await copy.verify()).toMatchObject({ faults: 0 });
  });

  test('IPv6 only: a name that has no other address is reached', async () => {
    const source = await startLabAccount({ host: '::1' }).catch((error: { code?: string }) => {
      if (error.code !== 'EADDRNOTAVAIL' && error.code !== 'EAFNOSUPPORT') throw error;
      return null;
    });
    if (source === null) {
      console.warn('This machine has no IPv6: T52 is not tried over it.');
      return;
    }
    open.push(source);
    const target = await lab();
    fill(source, LETTERS);
    const account = { ...source.account, endpoint: { ...source.account.endpoint, host: '::1' } };
    expect(await new ImapCopy(account, target.account).run()).toMatchObject({ copied: 7 });
  });
});
