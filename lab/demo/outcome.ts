import { passName } from '../../domain/passes.ts';
import { auditSentMail, compareWithOracle } from './audit.ts';
import type { DemoOptions } from './options.ts';
import type { OutsideSender } from './outside-sender.ts';
import type { Operator } from './parties.ts';
import type { Employee } from './people.ts';
import { type DemoReport, isOk, type OracleCounts } from './report.ts';
import type { World } from './world.ts';

export interface Sources {
  readonly id: string;
  readonly options: DemoOptions;
  readonly milliseconds: number;
  /** Passes in which the worker was killed. */
  readonly kills: readonly Parameters<typeof passName>[0][];
  readonly operator: Operator;
  readonly world: World;
  readonly sender: OutsideSender;
  readonly people: readonly Employee[];
}

/** What the service says, beside what an independent reader of both servers and the outside sender's journal say. */
export async function buildReport(from: Sources): Promise<DemoReport> {
  const { id, options, operator, world, sender, people } = from;
  const service = await operator.rest.get<ServiceReport>(`/v1/migrations/${id}/report`);
  const oracle = await compareWithOracle(world, people);
  const mailboxes = service.mailboxes.map(({ address, tally, lastPass }) => ({
    address,
    ...tally,
    verified: tally.lost === 0 && tally.doubled === 0 && lastPass !== null,
    oracle: oracle.get(address) ?? { lost: 0, doubled: 0, misfiled: 0, rewritten: 0 },
  }));
  const sum = (key: keyof OracleCounts) => mailboxes.reduce((total, mailbox) => total + mailbox.oracle[key], 0);
  const sweeps = service.evidence.find(({ step, body }) => step === 'D1' && body['sweeps'] !== undefined)?.body;
  const report = {
    seed: options.seed,
    migrationId: id,
    seconds: Math.round(from.milliseconds / 100) / 10,
    source: world.source.kind,
    total: service.total,
    mailboxes,
    oracle: {
      lost: sum('lost'),
      doubled: sum('doubled'),
      misfiled: sum('misfiled'),
      rewritten: sum('rewritten'),
    },
    route: options.route,
    sentDuringMove: await auditSentMail(world, people, sender.journal),
    stragglers: {
      sent: sender.journal.filter(({ byHeart }) => byHeart).length,
      found: sweeps?.['stragglers'] ?? 0,
      sweeps: sweeps?.['sweeps'] ?? 0,
    },
    sentByTenant: world.hosted.outgoing(),
    workerKills: from.kills.map(passName),
    steps: service.migration.view.steps,
  };
  return { ok: isOk(report), ...report };
}

interface ServiceReport {
  readonly migration: { readonly view: { readonly steps: DemoReport['steps'] } };
  readonly total: DemoReport['total'];
  readonly mailboxes: readonly {
    readonly address: string;
    readonly tally: DemoReport['total'];
    readonly lastPass: unknown;
  }[];
  readonly evidence: readonly { readonly step: string; readonly body: Readonly<Record<string, number>> }[];
}
