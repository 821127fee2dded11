import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, expect, test } from 'vitest';
import { WORKFLOW_TYPES } from '../../workflows/names.ts';
import { bundle, converter, quiet } from '../workflow/harness.ts';

const folder = join(import.meta.dirname, 'histories');

async function replay(name: string, code: string): Promise<void> {
  const history: unknown = JSON.parse(await readFile(join(folder, name), 'utf8'));
  await Worker.runReplayHistory({ workflowBundle: { code }, dataConverter: converter }, history, name);
}

beforeAll(quiet);

const today = async () => await readFile(await bundle(), 'utf8');

test.each(readdirSync(folder))('%s is replayed by the code of today', async (name) => {
  await replay(name, await today());
});

test('each kind of workflow has a history', async () => {
  const texts = await Promise.all(readdirSync(folder).map((name) => readFile(join(folder, name), 'utf8')));
  const recorded = new Set(texts.map((text) => /"workflowType":{"name":"(\w+)"}/.exec(text)?.[1]));
  const missing = Object.values(WORKFLOW_TYPES).filter((type) => !recorded.has(type));
  expect(missing, 'let test/replay/record.ts record them').toEqual([]);
});

/** What a careless change would do to each kind of workflow: another order, or another call. */
test.each([
  ['migration-to-its-end.json', 'story.recordAgreement.executeWithOptions', 'story.readSettings.executeWithOptions'],
  ['support.json', "await passes.run('straggler')", "await passes.run('final')"],
  ['wave.json', 'survey.lookAtMailboxes.executeWithOptions', 'survey.preflightPage.executeWithOptions'],
  ['mailbox-pass.json', 'transfer.copyMailbox.executeWithOptions', 'transfer.verifyMailbox.executeWithOptions'],
])('%s is refused when %s becomes %s', async (name, before, after) => {
  const code = await today();
  expect(code).toContain(before);
  await expect(replay(name, code.replaceAll(before, after))).rejects.toThrow(DeterminismViolationError);
});
