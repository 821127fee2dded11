import { Context } from '@temporalio/activity';
import {
  type Judgement,
  judgeAnswers,
  longestTtl,
  type WantedRecords,
  wantedRecords,
  wantedSpf,
} from '../domain/dns.ts';
import { MigrationError } from '../domain/errors.ts';
import type { DnsPath, Plan, PlannedDns } from '../domain/plan.ts';
import type { AuthoritativeAnswer, DnsProbe } from '../domain/ports/dns.ts';
import type { Json, MigrationStore } from '../domain/ports/store.ts';
import type { StepId } from '../domain/steps.ts';

export interface DnsPorts {
  readonly store: MigrationStore;
  readonly dns: DnsProbe;
}

export type DnsActivities = ReturnType<typeof createDnsActivities>;

interface Checked extends Judgement {
  readonly wanted: WantedRecords;
  readonly answers: readonly AuthoritativeAnswer[];
}

/** What the authoritative servers of the client's domains say (A7, C1, C3, D1). Only reads. */
export function createDnsActivities({ store, dns }: DnsPorts) {
  const read = async (migrationId: string): Promise<{ plan: Plan; planned: PlannedDns }> => {
    const { plan } = await store.getMigration(migrationId);
    if (!plan.dns) throw new MigrationError('NOT_NOW', 'the plan has no DNS part');
    return { plan, planned: plan.dns };
  };

  const check = async (planned: PlannedDns, wanted: readonly WantedRecords[]): Promise<Checked[]> => {
    const signal = Context.current().cancellationSignal;
    const checked: Checked[] = [];
    for (const each of wanted) {
      const answers = await dns.askAuthoritatives(each.name, each.type, planned, signal);
      checked.push({ wanted: each, answers, ...judgeAnswers(each, answers) });
    }
    return checked;
  };

  /** Succeeds when all is published; else the error says what is missing where, and we ask again. */
  const confirm = async (
    migrationId: string,
    step: StepId,
    wantedOf: (domain: string, planned: PlannedDns) => WantedRecords[],
  ) => {
    const { plan, planned } = await read(migrationId);
    const checked = await check(
      planned,
      plan.client.domains.flatMap((domain) => wantedOf(domain, planned)),
    );
    const missing = checked.filter((each) => each.publication !== 'authoritative');
    if (missing.length > 0) {
      throw new MigrationError('DNS_NOT_YET', missing.map(describe).join('; '), {
        retryAfterMs: plan.policy.dnsEveryMs,
        facts: { step },
      });
    }
    const evidenceId = await store.recordEvidence(migrationId, step, { records: checked.map(toEvidence) });
    const servers = new Set(
      checked.flatMap((each) => each.answers.filter(({ outcome }) => outcome === 'ok').map(({ address }) => address)),
    );
    return { evidenceId, servers: servers.size };
  };

  return {
    /** Before the change: how long what is served now may live in caches. */
    async observeRecords({ migrationId }: { migrationId: string }): Promise<{ drainSeconds: number }> {
      const { plan, planned } = await read(migrationId);
      const checked = await check(
        planned,
        plan.client.domains.flatMap((domain) => wantedRecords(planned, domain, 'direct')),
      );
      return { drainSeconds: longestTtl(checked.flatMap((each) => each.answers)) };
    },

    /** @throws DNS_NOT_YET until every answering authoritative server serves the records, and only those. */
    async confirmRecords({
      migrationId,
      step,
      path,
    }: {
      migrationId: string;
      step: 'A7' | 'C1';
      path: DnsPath;
    }): Promise<{ evidenceId: string; servers: number }> {
      return await confirm(migrationId, step, (domain, planned) => wantedRecords(planned, domain, path));
    },

    /** @throws DNS_NOT_YET until the one SPF record includes the mechanism. */
    async confirmSpf({ migrationId }: { migrationId: string }): Promise<{ evidenceId: string }> {
      return await confirm(migrationId, 'C3', (domain, planned) => [wantedSpf(planned, domain)]);
    },

    /** D1: what does not fit any more is counted and stored, and undoes nothing. */
    async watchRecords({
      migrationId,
      path,
    }: {
      migrationId: string;
      path: DnsPath;
    }): Promise<{ regressions: number }> {
      const { plan, planned } = await read(migrationId);
      const wanted = plan.client.domains.flatMap((domain) => [
        ...wantedRecords(planned, domain, path),
        wantedSpf(planned, domain),
      ]);
      const checked = await check(planned, wanted);
      const regressions = checked.filter((each) => each.publication !== 'authoritative');
      if (regressions.length > 0)
        await store.recordEvidence(migrationId, 'D1', { regressions: regressions.map(toEvidence) });
      return { regressions: regressions.length };
    },
  };
}

function describe({ wanted, publication, dissenters }: Checked): string {
  const who = dissenters.map((answer) => `${answer.server} says ${answer.records.join(', ') || answer.outcome}`);
  return `${wanted.wanted}: ${publication}${who.length > 0 ? ` (${who.join('; ')})` : ''}`;
}

function toEvidence({ wanted, publication, answers }: Checked): Json {
  return {
    name: wanted.name,
    type: wanted.type,
    wanted: wanted.wanted,
    publication,
    answers: answers.map((answer) => ({ ...answer })),
  };
}
