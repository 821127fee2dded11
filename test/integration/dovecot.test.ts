import { rm } from 'node:fs/promises';
import { afterEach, expect, test } from 'vitest';
import { createAuthority } from '../../lab/authority.ts';
import { findCorpus } from '../../lab/corpus.ts';
import { type Dovecot, type DovecotOptions, findDovecot, startDovecot } from '../../lab/dovecot.ts';
import { startImapServer } from '../../lab/imap/server.ts';
import { MailStore } from '../../lab/imap/store.ts';
import { type ImapEndpoint, withImap } from '../../lab/imap-client.ts';
import { generateMailbox } from '../../lab/mail/generator.ts';
import { compareMailboxes, isSame, readMailbox } from '../../lab/mail/oracle.ts';
import { appendAs, seedMailbox } from '../../lab/mail/seed.ts';
import { processesOf, runUntilKilled } from '../support/processes.ts';

const ANN = { name: 'ann@example.test', password: 'se:cret' };
const running: Dovecot[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((dovecot) => dovecot.stop()));
});

test('is installed', () => {
  expect(findDovecot(), 'install the package dovecot-imapd').not.toBeNull();
});

test('takes 400 messages in less than five seconds, and the oracle finds them all', async () => {
  const dovecot = await start();
  const mails = [...generateMailbox({ seed: 3, owner: ANN.name, locale: 'fr', messages: 400 })];
  const started = performance.now();
  await seedMailbox(endpointOf(dovecot), mails);
  expect(performance.now() - started).toBeLessThan(5_000);
  const twin = await embedded(mails);
  const [source, target] = [await readMailbox(endpointOf(dovecot)), await readMailbox(twin.endpoint)];
  expect(source.folders.reduce((sum, { counts }) => sum + [...counts.values()].reduce((one, n) => one + n, 0), 0)).toBe(
    400,
  );
  expect(compareMailboxes(source, target)).toSatisfy(isSame);
  await twin.close();
}, 30_000);

test('gives the corpus back as the digest expects it', async () => {
  const corpus = findCorpus();
  if (corpus === null)
    console.warn('The mail corpus (../shared/corpus/mail) is missing: generated mail is used instead.');
  const generated = generateMailbox({ seed: 5, owner: ANN.name, locale: 'en', messages: 200, nasty: 'full' });
  const mails = (corpus ?? [...generated]).map(({ raw }) => ({ folder: ['INBOX'], raw }));
  const dovecot = await start();
  await seedMailbox(endpointOf(dovecot), mails);
  const twin = await embedded(mails);
  const comparison = compareMailboxes(await readMailbox(twin.endpoint), await readMailbox(endpointOf(dovecot)));
  expect(comparison).toSatisfy(isSame);
  await twin.close();
}, 60_000);

test('has another user at once, with a limit of connections', async () => {
  const dovecot = await start({ maxConnections: 1 });
  const bob = { ...endpointOf(dovecot), user: 'bob@example.test', pass: 'other' };
  await expect(withImap(bob, async () => undefined)).rejects.toThrow();
  await dovecot.addUser('bob@example.test', 'other');
  await withImap(bob, async () => {
    await expect(withImap(bob, async () => undefined)).rejects.toThrow();
  });
});

test('speaks plain text, STARTTLS and TLS', async () => {
  const dovecot = await start({ tls: await (await createAuthority()).issue(['localhost']) });
  const isSecure = (how: Partial<ImapEndpoint>) =>
    withImap({ ...endpointOf(dovecot), ...how }, async (client) => client.secureConnection);
  expect(await isSecure({})).toBe(false);
  expect(await isSecure({ startTls: true })).toBe(true);
  expect(await isSecure({ port: dovecot.tlsPort ?? 0, secure: true })).toBe(true);
});

test('keeps its mail when it is killed and started again', async () => {
  const dovecot = await start();
  await appendAs(endpointOf(dovecot), { folder: ['Rechnungen', '2025', 'März'], raw: Buffer.from('A: b\r\n\r\n') });
  await dovecot.kill();
  await expect(withImap(endpointOf(dovecot), async () => undefined)).rejects.toThrow();
  await dovecot.restart();
  const names = (await readMailbox(endpointOf(dovecot))).folders.filter(({ counts }) => counts.size > 0);
  expect(names.map(({ name }) => name)).toEqual(['Rechnungen/2025/März']);
});

test('leaves no process behind, whether stopped or killed', async () => {
  for (const how of ['stop', 'kill'] as const) {
    const dovecot = await start();
    await withImap(endpointOf(dovecot), async () => {
      expect(processesOf(dovecot.root).length).toBeGreaterThan(3);
      await dovecot[how]();
    });
    await expect.poll(() => processesOf(dovecot.root), { timeout: 3_000 }).toEqual([]);
  }
});

test('goes when the program that started it is killed by force', async () => {
  const program = `
    const { startDovecot } = await import(${JSON.stringify(new URL('../../lab/dovecot.ts', import.meta.url).href)});
    console.log((await startDovecot({ users: [] })).root);
    process.kill(process.pid, 'SIGKILL');`;
  const root = runUntilKilled(program);
  expect(root).toContain('dovecot-');
  await expect.poll(() => processesOf(root), { timeout: 5_000 }).toEqual([]);
  await rm(root, { recursive: true });
});

async function start(options: Partial<DovecotOptions> = {}): Promise<Dovecot> {
  const dovecot = await startDovecot({ users: [ANN], ...options });
  running.push(dovecot);
  return dovecot;
}

function endpointOf({ host, port }: Dovecot): ImapEndpoint {
  return { host, port, user: ANN.name, pass: ANN.password };
}

async function embedded(mails: Parameters<typeof seedMailbox>[1]) {
  const store = new MailStore();
  const account = store.addAccount(ANN.name, ANN.password);
  for (const { folder, raw } of mails) account.ensureFolder(folder).append({ raw });
  const server = await startImapServer({ store });
  return {
    endpoint: { host: server.host, port: server.port, user: ANN.name, pass: ANN.password },
    close: () => server.close(),
  };
}
