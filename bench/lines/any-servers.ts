import { resolve } from 'node:path';
import type { ConnectionSecurity, ImapEndpoint } from '../../domain/plan.ts';
import { createMigration } from '../migration.ts';
import type { ServersOption } from '../options.ts';
import { activityTimesOf } from '../pass-times.ts';
import { peakBytesOf } from '../process-stats.ts';
import type { Product } from '../product.ts';
import type { BenchContext, LineResult } from '../result.ts';
import { megabytes, secondsCells } from '../words.ts';

const SCHEMES: Readonly<Record<string, { security: ConnectionSecurity; port: number }>> = {
  'imaps:': { security: 'tls', port: 993 },
  'imap:': { security: 'none', port: 143 },
  'imap+starttls:': { security: 'starttls', port: 143 },
};

/** Mailferry between two servers of somebody's own: one first pass, then passes in which nothing is new. */
export async function measureServers(
  { runs }: BenchContext,
  product: Product,
  option: ServersOption,
): Promise<LineResult> {
  const endpoints = {
    source: endpointOf(option.source, option.caFile),
    target: endpointOf(option.target, option.caFile),
  };
  const migration = await createMigration(product, endpoints, [
    { sourceUser: option.user, targetUser: option.targetUser },
  ]);
  const { pid } = product.worker();
  const before = product.cpu();
  const first = await migration.runPass('initial');
  const after = product.cpu();
  const mailboxId = migration.mailboxIds[0] ?? '';
  const times = await activityTimesOf(product.client, migration.id, first.pass, mailboxId);
  const moved = await product.store.countMoved(migration.id, first.pass);
  const delta: number[] = [];
  for (let run = 1; run <= runs; run += 1) delta.push((await migration.runPass('delta')).wallMs);
  const verifyMs = times['verifyMailbox'] ?? 0;
  const seconds = (ms: number) => (ms / 1_000).toFixed(2);
  const each = (parts: typeof before) => parts.server + parts.worker + parts.database;
  return {
    id: 'servers',
    title: 'One mailbox between two servers',
    setting: `${moved.toLocaleString('en')} messages were moved by the first pass.`,
    header: ['', 'seconds', 'messages/s', 'CPU s', 'peak MB of the worker'],
    rows: [
      ['first pass, copy', seconds(first.wallMs - verifyMs), rate(moved, first.wallMs - verifyMs), '', ''],
      [
        'first pass, copy and verification',
        seconds(first.wallMs),
        rate(moved, first.wallMs),
        seconds(each(after) - each(before)),
        megabytes(peakBytesOf(pid)),
      ],
      ['nothing has changed', secondsCells(delta), '', '', ''],
    ],
    goals: [],
    notes: ['The first pass runs once: to run it again the target has to be empty again.'],
  };
}

/** @throws Error where it is no URL of an IMAP server */
export function endpointOf(text: string, caFile: string | null): ImapEndpoint {
  const url = URL.canParse(text) ? new URL(text) : null;
  const scheme = SCHEMES[url?.protocol ?? ''];
  if (url === null || scheme === undefined || url.hostname === '') {
    throw new Error(`${text}: is not imaps://host, imap://host or imap+starttls://host`);
  }
  return {
    host: url.hostname,
    port: url.port === '' ? scheme.port : Number(url.port),
    security: scheme.security,
    allowInsecure: scheme.security === 'none',
    caFile: caFile === null ? null : resolve(caFile),
    maxConnections: 8,
  };
}

function rate(messages: number, ms: number): string {
  return Math.round((messages / ms) * 1_000).toString();
}
