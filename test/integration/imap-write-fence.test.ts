import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { ImapFlow } from 'imapflow';
import { afterEach, describe, expect, test } from 'vitest';
import { WriteFence } from '../../adapters/imap/write-fence.ts';
import { createAuthority } from '../../lab/authority.ts';
import { type Dovecot, findDovecot, startDovecot } from '../../lab/dovecot.ts';
import { ALL_CAPABILITIES } from '../../lab/imap/options.ts';
import { imapConnector, neverAborted, PASSWORD, plainAccount } from '../support/imap-accounts.ts';
import { type ImapLab, startImapLab } from '../support/imap-lab.ts';

/** Several pieces of 64 KiB. */
const MESSAGE = {
  raw: Buffer.from(`Subject: large\r\n\r\n${'0123456789abcdef'.repeat(20_000)}\r\n`),
  flags: ['\\Seen'],
  receivedAt: '2026-01-02T03:04:05Z',
};
const TWO = [MESSAGE, { ...MESSAGE, raw: Buffer.from('Subject: small\r\n\r\n.\r\n') }];
const labs: ImapLab[] = [];

afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.close();
});

/** A lease that ends at its `looks`-th look; counted from the moment it is armed. */
function leaseOf(looks: number) {
  const lease = { armed: false, looks: 0, mayWrite: () => true };
  lease.mayWrite = () => {
    if (lease.armed) lease.looks += 1;
    return lease.looks < looks;
  };
  return lease;
}

describe.each([
  ['LITERAL+', ALL_CAPABILITIES],
  ['literals that are asked for', ALL_CAPABILITIES.filter((name) => name !== 'LITERAL+')],
])('a target behind a write fence, %s', (_, capabilities) => {
  async function appendUnder(looks: number) {
    const lab = await startImapLab({ capabilities });
    labs.push(lab);
    const lease = leaseOf(looks);
    const { target, folder } = await lab.openTarget(lease.mayWrite);
    lease.armed = true;
    const outcome = await target.appendAll(folder, TWO).then(
      () => 'taken',
      (error: unknown) => Object(error).code,
    );
    return { lab, target, folder, outcome, looks: lease.looks };
  }

  test('finishes no command once the lease has ended, at whichever piece that is', async () => {
    const whole = await appendUnder(Number.POSITIVE_INFINITY);
    expect(whole.outcome).toBe('taken');
    expect(whole.lab.inbox.messages).toHaveLength(2);
    expect(whole.looks).toBeGreaterThan(6);
    for (let looks = 1; looks <= whole.looks; looks += 1) {
      const { outcome, lab } = await appendUnder(looks);
      expect(outcome).toBe('LEASE_LOST');
      await expect.poll(() => lab.server.connections.now).toBe(0);
      expect(lab.inbox.messages).toHaveLength(0);
      expect(lab.server.commandCounts.get('APPEND') ?? 0).toBe(0);
    }
  });

  test('says so to every later call, and closes in peace', async () => {
    const { target, folder } = await appendUnder(3);
    await expect(target.storeFlags(folder, 1, { add: ['\\Seen'], remove: [] })).rejects.toMatchObject({
      code: 'LEASE_LOST',
    });
    await target.close();
  });
});

test('looks at the lease for the line end when all before it is out, and keeps it back by itself', async () => {
  const out: Buffer[] = [];
  const looks: number[] = [];
  const socket = Object.assign(
    new Writable({
      write: (chunk: Buffer, _, done) => {
        // As a kernel that takes its time.
        setImmediate(() => {
          out.push(chunk);
          done();
        });
      },
    }),
    { setNoDelay: () => undefined },
  );
  const bytes = () => Buffer.concat(out).length;
  const fence = new WriteFence(socket, () => looks.push(bytes()) > 0 && bytes() < MESSAGE.raw.length);
  fence.write(MESSAGE.raw.subarray(0, 10));
  fence.write(MESSAGE.raw.subarray(10));
  fence.write(Buffer.from('\r\n'));
  await expect.poll(() => fence.tripped).toBe(true);
  expect(Buffer.concat(out).equals(MESSAGE.raw)).toBe(true);
  expect(looks.at(-1)).toBe(MESSAGE.raw.length);
  expect(Math.max(...looks.map((at, index) => at - (looks[index - 1] ?? 0)))).toBe(64 * 1024);
});

test.each(['TCP', 'TLS'])('a reset over %s takes back what a dead line has not brought yet', async (kind) => {
  const { key, cert } = await (await createAuthority()).issue(['127.0.0.1']);
  const accepted = Promise.withResolvers<Socket>();
  const server =
    kind === 'TCP'
      ? createServer({ pauseOnConnect: true }, (socket) => accepted.resolve(socket))
      : createTlsServer({ key, cert }, (socket) => accepted.resolve(socket.pause()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a TCP listener's address is never a string
  const socket = kind === 'TCP' ? connect(port, '127.0.0.1') : connectTls({ port, rejectUnauthorized: false });
  await once(socket, kind === 'TCP' ? 'connect' : 'secureConnect');
  const fence = new WriteFence(socket, () => true);
  fence.write(Buffer.alloc(32 << 20)); // more than kernels hold
  const received = await accepted.promise;
  const end = Promise.withResolvers<string>();
  received.on('error', (error) => end.resolve(Object(error).code));
  received.on('end', () => end.resolve('an ordinary end'));
  let sent = 0;
  const stands = () => {
    const before = sent;
    sent = socket.bytesWritten;
    return sent > 0 && sent === before;
  };
  await expect.poll(stands).toBe(true); // the receiver does not read, and the kernels are full
  fence.reset();
  fence.reset();
  received.resume();
  expect(await end.promise).toBe('ECONNRESET');
  received.destroy();
  server.close();
});

describe.skipIf(findDovecot() === null)('Dovecot behind a write fence', () => {
  let dovecot: Dovecot | undefined;
  afterEach(async () => {
    await dovecot?.stop();
  });

  test('stores nothing of a command that lacks its last line end only', async () => {
    dovecot = await startDovecot({ users: [{ name: 'ann', password: PASSWORD }] });
    const account = plainAccount(dovecot.port, 'ann');
    const counting = leaseOf(Number.POSITIVE_INFINITY);
    const first = await imapConnector.openTarget(account, neverAborted, counting);
    const folder = await first.ensureFolder(['INBOX'], 'inbox');
    counting.armed = true;
    await first.appendAll(folder, TWO);
    await first.close();

    const lease = leaseOf(counting.looks - 1); // without the look at LOGOUT: the last one of the APPEND
    const second = await imapConnector.openTarget(account, neverAborted, lease);
    lease.armed = true;
    await expect(second.appendAll(folder, TWO)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    await second.close();

    const { host, port } = dovecot;
    const auth = { user: 'ann', pass: PASSWORD };
    const owner = new ImapFlow({ host, port, secure: false, doSTARTTLS: false, auth, logger: false });
    await owner.connect();
    expect(await owner.status('INBOX', { messages: true })).toMatchObject({ messages: 2 });
    await owner.logout();
  });
});
