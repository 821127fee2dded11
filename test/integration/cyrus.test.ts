import { rm } from 'node:fs/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { type Cyrus, type CyrusOptions, startCyrus } from '../../lab/cyrus.ts';
import { type ImapEndpoint, withImap } from '../../lab/imap-client.ts';
import { findCyrus } from '../../setup/cyrus.js';
import { imapConnector, neverAborted, plainAccount } from '../support/imap-accounts.ts';
import { processesOf, runUntilKilled } from '../support/processes.ts';

const running: Cyrus[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((cyrus) => cyrus.stop()));
});

test('is there', () => {
  expect(findCyrus(), 'as root on Debian, npm test fetches cyrus-common and cyrus-imapd').not.toBeNull();
});

test.each([
  [true, '', '/'],
  [false, 'INBOX.', '.'],
])('offers what a fast target needs (modern names: %s)', async (modern, prefix, delimiter) => {
  const cyrus = await start({ altnamespace: modern, unixhierarchysep: modern });
  const target = await imapConnector.openTarget(plainAccount(cyrus.port, 'ann'), neverAborted);
  const wanted = ['MULTIAPPEND', 'LITERAL+', 'UIDPLUS', 'CONDSTORE', 'QRESYNC', 'MOVE', 'SPECIAL-USE', 'OBJECTID'];
  expect(target.facts.capabilities).toEqual(expect.arrayContaining(wanted));
  expect(target.facts.name).toMatch(/^Cyrus IMAPD 3\./);
  expect(target).toMatchObject({ reportsUid: true, separator: delimiter, rootIsInbox: prefix !== '' });
  await target.close();
});

describe('refuses what it cannot hold', () => {
  test.each([
    ['NUL', 'A: b\r\n\r\nx\0y\r\n', 'Message contains NUL characters'],
    ['bare LF', 'A: b\r\n\r\nx\ny\r\n', 'Message contains bare newlines'],
    ['a header line without a colon', 'no field\r\n\r\nx\r\n', 'Message contains invalid header'],
    ['a message of no bytes', '', 'Zero-length message literal'],
  ])('%s', async (_, raw, responseText) => {
    const cyrus = await start();
    await withImap(endpointOf(cyrus), async (client) => {
      await expect(client.append('INBOX', Buffer.from(raw))).rejects.toMatchObject({
        responseStatus: 'NO',
        responseText,
      });
      expect(await client.status('INBOX', { messages: true })).toMatchObject({ messages: 0 });
    });
  });

  test.each(['a"b', 'a\\b', '50%'])('the folder name %s', async (name) => {
    const cyrus = await start();
    await withImap(endpointOf(cyrus), async (client) => {
      await expect(client.mailboxCreate(name)).rejects.toMatchObject({ responseText: 'Invalid mailbox name' });
    });
  });
});

test('keeps its mail on disk when it is killed and started again', async () => {
  const cyrus = await start();
  const raw = Buffer.from('A: b\r\n\r\nbare\rCR and \xe9\r\n', 'latin1');
  await withImap(endpointOf(cyrus), (client) => client.append('INBOX', raw));
  await cyrus.kill();
  await expect(withImap(endpointOf(cyrus), async () => undefined)).rejects.toThrow();
  await cyrus.restart();
  await withImap(endpointOf(cyrus), async (client) => {
    await client.mailboxOpen('INBOX', { readOnly: true });
    const message = await client.fetchOne('1', { source: true });
    expect(message).toMatchObject({ source: raw });
  });
});

test('leaves no process behind, whether stopped or killed', async () => {
  for (const how of ['stop', 'kill'] as const) {
    const cyrus = await start();
    await withImap(endpointOf(cyrus), async () => {
      expect(processesOf(cyrus.root).length).toBeGreaterThan(2);
      await cyrus[how]();
    });
    await expect.poll(() => processesOf(cyrus.root), { timeout: 3_000 }).toEqual([]);
  }
});

test('goes when the program that started it is killed by force', async () => {
  const root = runUntilKilled(`
    const { startCyrus } = await import(${JSON.stringify(new URL('../../lab/cyrus.ts', import.meta.url).href)});
    console.log((await startCyrus({ users: [{ name: 'ann' }] })).root);
    process.kill(process.pid, 'SIGKILL');`);
  expect(root).toContain('cyrus-');
  await expect.poll(() => processesOf(root), { timeout: 5_000 }).toEqual([]);
  await rm(root, { recursive: true });
});

async function start(options: Partial<CyrusOptions> = {}): Promise<Cyrus> {
  const cyrus = await startCyrus({ users: [{ name: 'ann' }], ...options });
  running.push(cyrus);
  return cyrus;
}

function endpointOf({ host, port }: Cyrus): ImapEndpoint {
  return { host, port, user: 'ann', pass: 'any' };
}
