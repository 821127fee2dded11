import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import { PROBE_FOLDER_PREFIX, type ProbeSession } from '../../domain/ports/route-probe.ts';
import { GraphMailbox } from '../support/graph-mailbox.ts';
import { mailWith } from '../support/graph-world.ts';

const NAME = `${PROBE_FOLDER_PREFIX}x1`;

describe.each(['graph-json', 'import-mime'] as const)('a probe of %s', (route) => {
  let mailbox: GraphMailbox;
  let probe: ProbeSession;
  beforeEach(async () => {
    mailbox = await GraphMailbox.start();
    probe = await mailbox.openProbe(route);
  });
  afterEach(async () => {
    await probe.close();
    await mailbox.close();
  });

  test('works in a folder that the owner never sees, and removes it with what is in it', async () => {
    const folder = await probe.makeProbeFolder(NAME);
    const message = { raw: Buffer.from(mailWith('probe')), flags: [], receivedAt: '2026-01-02T03:04:05Z' };
    const { id } = await probe.target.append(folder, message);
    expect(await probe.findDraftState(folder, id?.uid ?? 0)).toBe(false);
    expect(await probe.findDraftState(folder, 99)).toBeNull();
    expect(Object.keys(mailbox.seen())).not.toContain(NAME);
    expect((await collect(probe.listProbeFolders())).map(({ path }) => path)).toEqual([[NAME]]);
    for (let twice = 0; twice < 2; twice += 1) await probe.removeProbeFolder(folder);
    expect(await collect(probe.listProbeFolders())).toEqual([]);
    expect(mailbox.account.findFolder([NAME])).toBeNull();
  });

  test('removes no folder that no probe has made, whatever it is called by the caller', async () => {
    const kept = await probe.target.ensureFolder(['Akten'], null);
    const below = await probe.target.ensureFolder(['Akten', NAME], null);
    for (const folder of [kept, below, { ...kept, path: [NAME] }]) {
      await expect(probe.removeProbeFolder(folder)).rejects.toMatchObject({ code: 'FOLDER_REFUSED' });
    }
    expect(mailbox.account.findFolder(['Akten', NAME])).not.toBeNull();
  });
});
