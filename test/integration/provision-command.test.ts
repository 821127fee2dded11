/** `mailferry provision` and its routes, over stores in memory and workflows that only take notes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../../cli/run.ts';
import type { Json } from '../../domain/ports/store.ts';
import { type ApiWorld, examplePlan, newApiWorld, TOKEN } from '../support/api-world.ts';
import { hostedPlan, testMailbox, testPlan, testView } from '../support/plans.ts';

let world: ApiWorld;
let url = '';
let folder = '';

beforeAll(async () => {
  world = await newApiWorld();
  url = await world.app.listen({ host: '127.0.0.1', port: 0 });
  folder = mkdtempSync(join(tmpdir(), 'mailferry-provision-'));
  writeFileSync(join(folder, 'plan.yaml'), examplePlan.plan);
  writeFileSync(join(folder, 'mailboxes.csv'), examplePlan.mailboxes);
  const create = (id: string, plan = hostedPlan(), name = id) =>
    world.migrations.createMigration({ id, plan, mailboxes: [testMailbox(name)], createdBy: 'op' });
  await create('mig_hosted');
  await create('mig_clean');
  await create('mig_plain', testPlan());
  await world.provisioning.recordReport('mig_hosted', 'plan', { rows: ROWS });
  await world.provisioning.recordReport('mig_clean', 'plan', { rows: ROWS.slice(0, 1) });
});
afterAll(async () => {
  await world.app.close();
  rmSync(folder, { recursive: true, force: true });
});

const ROWS: Json[] = [
  {
    ...{ object: 'mailbox', address: 'anna@example.test', verdict: 'create', conflicts: [], differences: [] },
    changes: ['make a user', 'give the licence EXCHANGESTANDARD'],
  },
  {
    ...{ object: 'list', address: 'team@example.test', verdict: 'conflict', changes: [], differences: [] },
    conflicts: [{ code: 'ADDRESS_TAKEN', text: 'team@example.test belongs to the group; free it there.' }],
  },
];

async function run(...args: string[]) {
  let out = '';
  let err = '';
  const code = await runCli(args, {
    env: { MAILFERRY_HOME: folder, MAILFERRY_API_URL: url, MAILFERRY_TOKEN: TOKEN },
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    isTerminal: false,
    width: null,
    signal: new AbortController().signal,
  });
  return { code, out, err };
}

describe('the plan', () => {
  test('is told object by object, a conflict with its way out and exit code 8', async () => {
    const { code, out } = await run('provision', 'mig_hosted');
    expect(code).toBe(8);
    expect(out).toMatch(/create +mailbox +anna@example\.test +make a user; give the licence EXCHANGESTANDARD/);
    expect(out).toMatch(/conflict +list +team@example\.test +ADDRESS_TAKEN: team@example\.test belongs to the group/);
    expect(out).toContain('1 to create, 0 to complete, 0 to adopt as they are, 1 in conflict.');
    expect((await run('provision', 'mig_clean')).code).toBe(0);
  });

  test('is made anew by a dry run, as JSON too', async () => {
    world.workflows.calls.splice(0);
    const { code, out } = await run('provision', 'mig_clean', '--dry-run', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ state: 'done', rows: [{ verdict: 'create' }], made: [] });
    expect(world.workflows.calls).toEqual(['startProvisioning:plan']);
  });

  test('of two files leaves nothing behind, and does no work', async () => {
    const files = [join(folder, 'plan.yaml'), join(folder, 'mailboxes.csv')];
    expect((await run('provision', ...files)).code).toBe(2);
    const { code, err } = await run('provision', ...files, '--dry-run');
    expect(code).toBe(5); // the example's target is a plain IMAP server
    expect(err).toContain('nothing is provisioned there');
    for await (const { id, view } of world.migrations.listMigrations()) {
      if (!['mig_hosted', 'mig_clean', 'mig_plain'].includes(id)) expect(view?.status).toBe('cancelled');
    }
  });

  test('that could not be made is a failure', async () => {
    const find = world.workflows.findProvisioning;
    world.workflows.findProvisioning = async () => 'failed';
    const { code, err } = await run('provision', 'mig_clean', '--dry-run');
    world.workflows.findProvisioning = find;
    expect([code, err]).toEqual([1, expect.stringContaining('The tenant could not be asked')]);
  });
});

describe('taking back', () => {
  test('asks first where nobody can answer, and not of a migration that goes on', async () => {
    expect((await run('provision', 'mig_hosted', '--undo')).code).toBe(2);
    await world.migrations.recordView('mig_hosted', { ...testView(), status: 'running' });
    const { code, err } = await run('provision', 'mig_hosted', '--undo', '--yes');
    expect(code).toBe(5);
    expect(err).toContain('cancel it before its work is taken back');
    expect((await run('provision', 'mig_plain', '--undo', '--yes')).code).toBe(5);
  });

  test('tells what went and what stays, and why', async () => {
    await world.migrations.recordView('mig_hosted', { ...testView(), status: 'cancelled' });
    await world.provisioning.recordReport('mig_hosted', 'undo', {
      rows: [
        { kind: 'user', address: 'anna@example.test', detail: '', action: 'leave', why: 'somebody signed in' },
        { kind: 'list', address: 'team@example.test', detail: '', action: 'remove', why: '' },
        { kind: 'alias', address: 'x@example.test', detail: 'y@example.test', action: 'gone', why: '' },
      ],
    });
    world.workflows.calls.splice(0);
    const { code, out } = await run('provision', 'mig_hosted', '--undo', '--yes');
    expect(code).toBe(7);
    expect(world.workflows.calls).toEqual(['startProvisioning:undo']);
    expect(out).toMatch(/left +user +anna@example\.test +somebody signed in/);
    expect(out).toMatch(/removed +list +team@example\.test/);
    expect(out).toContain('1 taken back, 1 left.');
    const audit = [];
    for await (const { action } of world.approvals.listAudit('mig_hosted')) audit.push(action);
    expect(audit).toContain('provisioning-undo');
  });
});
