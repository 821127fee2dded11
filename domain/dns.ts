import type { DnsPath, MxRecord, PlannedDns } from './plan.ts';
import type { AuthoritativeAnswer } from './ports/dns.ts';

/** What has to be served under a name, judged over all authoritative servers. */
export interface WantedRecords {
  readonly name: string;
  readonly type: 'MX' | 'CNAME' | 'TXT';
  /** One sentence for people that names the record as it should be. */
  readonly wanted: string;
  /** Whether one server's set is right. */
  readonly fits: (records: readonly string[]) => boolean;
}

export type Publication = 'not-published' | 'partial' | 'authoritative';

export interface Judgement {
  readonly publication: Publication;
  /** Servers that answer otherwise, or not at all; they are named to the client. */
  readonly dissenters: readonly AuthoritativeAnswer[];
}

/** Servers that are lame or dead are a warning; those that answer must agree, all of them. */
export function judgeAnswers(wanted: WantedRecords, answers: readonly AuthoritativeAnswer[]): Judgement {
  const answering = answers.filter((answer) => answer.outcome === 'ok' || answer.outcome === 'no-such-name');
  const right = answering.filter((answer) => answer.outcome === 'ok' && wanted.fits(answer.records));
  const publication =
    right.length === 0 ? 'not-published' : right.length < answering.length ? 'partial' : 'authoritative';
  return { publication, dissenters: answers.filter((answer) => !right.includes(answer)) };
}

/**
 * The records that A7 and C1 wait for. MX is compared as a set with its preferences, so an old MX that was left behind
 * with a higher number shows: mail would still reach it. Behind a third-party filter MX has to stay the filter's.
 */
export function wantedRecords(dns: PlannedDns, domain: string, path: DnsPath): WantedRecords[] {
  const mx = path === 'direct' ? dns.mx : dns.filterMx;
  return [
    {
      name: domain,
      type: 'MX',
      wanted: `${domain} has exactly these MX records: ${mx.map(renderMx).join(', ')}`,
      fits: (records) => sameSet(records.map(canonicalName), mx.map(renderMx)),
    },
    {
      name: `autodiscover.${domain}`,
      type: 'CNAME',
      wanted: `autodiscover.${domain} is a CNAME of ${canonicalName(dns.autodiscover)}`,
      fits: (records) => sameSet(records.map(canonicalName), [canonicalName(dns.autodiscover)]),
    },
  ];
}

/** Exactly one SPF record, and it includes Hosted Exchange: two records are a permanent error (RFC 7208 §4.5). */
export function wantedSpf(dns: PlannedDns, domain: string): WantedRecords {
  return {
    name: domain,
    type: 'TXT',
    wanted: `${domain} has one SPF record (TXT) that contains ${dns.spfMechanism}`,
    fits: (records) => {
      const spf = records.filter((record) => /^v=spf1(?: |$)/i.test(record));
      const [only] = spf;
      return (
        spf.length === 1 &&
        only !== undefined &&
        only.toLowerCase().split(/ +/).includes(dns.spfMechanism.toLowerCase())
      );
    },
  };
}

/** How long answers of before the change may live in caches that honour TTLs, in seconds. */
export function longestTtl(answers: readonly AuthoritativeAnswer[]): number {
  return Math.max(0, ...answers.map((answer) => answer.ttlSeconds ?? 0));
}

/** `0 mx.hosted.example`: as answers are rendered. */
export function renderMx({ preference, exchange }: MxRecord): string {
  return `${preference} ${canonicalName(exchange)}`;
}

/** Names compare without case and without the final dot (RFC 4343). */
export function canonicalName(text: string): string {
  return text.toLowerCase().replace(/\.$/, '');
}

function sameSet(found: readonly string[], wanted: readonly string[]): boolean {
  return found.length === wanted.length && [...found].sort().join('\n') === [...wanted].sort().join('\n');
}
