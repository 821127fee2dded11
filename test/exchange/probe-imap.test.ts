import { afterEach, expect, test } from 'vitest';
import { openImapProbe } from '../../adapters/imap/probe.ts';
import { PROBE_FOLDER_PREFIX, type ProbeSession } from '../../domain/ports/route-probe.ts';
import { probeRoutes } from '../../domain/probe-route.ts';
import { neverAborted, plainAccount, testSecrets } from '../support/imap-accounts.ts';
import { type ImapLab, startImapLab } from '../support/imap-lab.ts';

let lab: ImapLab | null = null;

afterEach(async () => {
  await lab?.close();
  lab = null;
});

function open(started: ImapLab): Promise<ProbeSession> {
  return openImapProbe(testSecrets, {}, plainAccount(started.server.port, 'ann'), neverAborted);
}

function probe(started: ImapLab) {
  return probeRoutes({
    routes: ['imap'],
    open: () => open(started),
    mark: 'abc',
    now: Date.now,
    pause: async () => {},
    signal: neverAborted,
  });
}

const foldersOf = async (started: ImapLab): Promise<string[]> => {
  const session = await open(started);
  const names: string[] = [];
  for await (const { id } of session.target.listFolders()) names.push(id);
  await session.close();
  return names;
};

test('writes, reads back and removes its messages by IMAP', async () => {
  lab = await startImapLab();
  const before = await foldersOf(lab);
  const verdicts = await probe(lab);
  expect(verdicts).toMatchObject([{ route: 'imap', usable: true, fidelity: 'bytes', keepsSignatures: true }]);
  expect(verdicts[0]?.findings).toEqual([]);
  expect(await foldersOf(lab)).toEqual(before);
});

test('removes what a probe left that died, with its messages, and refuses to remove any other folder', async () => {
  lab = await startImapLab();
  const dying = await open(lab);
  const left = await dying.makeProbeFolder(`${PROBE_FOLDER_PREFIX}dead imap`);
  await dying.target.append(left, { raw: Buffer.from('Subject: left\r\n\r\n'), flags: [], receivedAt: null });
  const own = await dying.target.ensureFolder(['Invoices'], null);
  await expect(dying.removeProbeFolder(own)).rejects.toMatchObject({ code: 'FOLDER_REFUSED' });
  await dying.close();
  expect(await foldersOf(lab)).toContain(left.id);
  await probe(lab);
  expect(await foldersOf(lab)).not.toContain(left.id);
  expect(await foldersOf(lab)).toContain('Invoices');
});
