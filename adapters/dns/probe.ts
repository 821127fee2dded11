import { getServers } from 'node:dns';
import type { Answer, MxData } from 'dns-packet';
import { canonicalName } from '../../domain/dns.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { MxRecord } from '../../domain/plan.ts';
import type { AuthoritativeAnswer, DnsProbe, DnsView, RecordType } from '../../domain/ports/dns.ts';
import { askServer, MalformedReply, type Query, type Reply, type Server } from './transport.ts';

/** Asks name servers directly, so that no cache stands between the client's change and our answer. */
export function createDnsProbe(): DnsProbe {
  return {
    async askAuthoritatives(name, type, view, signal) {
      const { zone, servers, unreachable } = await findAuthoritatives(name, view, signal);
      const asked = await Promise.all(
        servers.map((server) => askAuthoritative(server, zone, { name, type, recursion: false }, signal)),
      );
      const answers = [...asked, ...unreachable].sort(byServer);
      if (!answers.some(({ outcome }) => outcome === 'ok' || outcome === 'no-such-name')) {
        throw new MigrationError('DNS_UNREACHABLE', `none of the ${answers.length} name servers of ${name} answers`, {
          facts: { name },
        });
      }
      return answers;
    },

    async findMx(domain, view, signal) {
      const reply = await askResolver({ name: domain, type: 'MX', recursion: true }, view, signal);
      return answersOf(reply, domain, 'MX')
        .flatMap((answer) => (answer.type === 'MX' ? [toMx(answer.data)] : []))
        .sort((one, other) => one.preference - other.preference);
    },
  };
}

interface NamedServer extends Server {
  readonly name: string;
}

interface Delegation {
  readonly zone: string;
  readonly servers: readonly NamedServer[];
  /** Servers whose name has no address: nobody can ask them, which the client should know. */
  readonly unreachable: readonly AuthoritativeAnswer[];
}

/** The zone of a name is the nearest one upwards that has NS records; every address of every one of its servers is asked. */
async function findAuthoritatives(name: string, view: DnsView, signal: AbortSignal): Promise<Delegation> {
  const labels = canonicalName(name).split('.');
  for (let cut = 0; cut < labels.length - 1; cut += 1) {
    const zone = labels.slice(cut).join('.');
    const reply = await askResolver({ name: zone, type: 'NS', recursion: true }, view, signal);
    // A referral has the NS set in AUTHORITY, a recursor's answer in ANSWER.
    const records = [...(reply.answers ?? []), ...(reply.authorities ?? [])];
    const hosts = records.flatMap((each) =>
      each.type === 'NS' && canonicalName(each.name) === zone ? [canonicalName(each.data)] : [],
    );
    if (hosts.length === 0) continue;
    const servers: NamedServer[] = [];
    const unreachable: AuthoritativeAnswer[] = [];
    for (const host of [...new Set(hosts)].sort()) {
      const addresses = await addressesOf(host, reply, view, signal);
      for (const address of addresses) servers.push({ name: host, address, port: view.port });
      if (addresses.length === 0) unreachable.push({ ...noAnswer(host, ''), outcome: 'lame' });
    }
    if (servers.length > 0) return { zone, servers, unreachable };
  }
  throw new MigrationError('DNS_UNREACHABLE', `no delegation is found for ${name}`, { facts: { name } });
}

async function addressesOf(host: string, glue: Reply, view: DnsView, signal: AbortSignal): Promise<string[]> {
  const found = new Set<string>();
  for (const each of glue.additionals ?? []) {
    if ((each.type === 'A' || each.type === 'AAAA') && canonicalName(each.name) === host) found.add(each.data);
  }
  if (found.size === 0) {
    for (const type of ['A', 'AAAA'] as const) {
      const reply = await askResolver({ name: host, type, recursion: true }, view, signal);
      for (const each of reply.answers ?? []) if (each.type === 'A' || each.type === 'AAAA') found.add(each.data);
    }
  }
  return [...found].sort();
}

async function askResolver(query: Query, view: DnsView, signal: AbortSignal): Promise<Reply> {
  const resolvers = (view.resolver === null ? getServers() : [view.resolver]).map(parseServer);
  let last: unknown;
  for (const resolver of resolvers) {
    try {
      return await askServer(resolver, query, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      last = error;
    }
  }
  throw new MigrationError('DNS_UNREACHABLE', `no resolver answers for ${query.name}`, {
    facts: { name: query.name },
    cause: last,
  });
}

function noAnswer(server: string, address: string) {
  return { server, address, records: [], ttlSeconds: null, soaSerial: null };
}

function byServer(one: AuthoritativeAnswer, other: AuthoritativeAnswer): number {
  return one.server < other.server || (one.server === other.server && one.address < other.address) ? -1 : 1;
}

async function askAuthoritative(
  server: NamedServer,
  zone: string,
  query: Query & { type: RecordType },
  signal: AbortSignal,
): Promise<AuthoritativeAnswer> {
  const base = noAnswer(server.name, server.address);
  try {
    const reply = await askServer(server, query, signal);
    if (reply.rcode === 'REFUSED') return { ...base, outcome: 'refused' };
    if (reply.rcode !== 'NOERROR' && reply.rcode !== 'NXDOMAIN') return { ...base, outcome: 'servfail' };
    if (!reply.flag_aa) return { ...base, outcome: 'lame' };
    const answers = answersOf(reply, query.name, query.type);
    const soa = [...(reply.authorities ?? [])].find((each) => each.type === 'SOA');
    // Absent names and types live in caches as long as SOA says (RFC 2308 §5).
    const negativeTtl = soa?.type === 'SOA' ? Math.min(soa.ttl ?? 0, soa.data.minimum ?? 0) : null;
    return {
      ...base,
      outcome: reply.rcode === 'NXDOMAIN' ? 'no-such-name' : 'ok',
      records: answers.map(render).sort(),
      ttlSeconds:
        answers.length > 0 ? Math.min(...answers.map((each) => ('ttl' in each ? (each.ttl ?? 0) : 0))) : negativeTtl,
      soaSerial: serialOf(soa) ?? (await askSerial(server, zone, signal)),
    };
  } catch (error) {
    if (signal.aborted) throw error;
    return { ...base, outcome: error instanceof MalformedReply ? 'malformed' : 'timeout' };
  }
}

/** A positive answer has no SOA. The serial tells a secondary that lags from one that was never told, so it is worth a question. */
async function askSerial(server: NamedServer, zone: string, signal: AbortSignal): Promise<number | null> {
  try {
    const reply = await askServer(server, { name: zone, type: 'SOA', recursion: false }, signal);
    return serialOf(reply.answers?.find((each) => each.type === 'SOA'));
  } catch (error) {
    if (signal.aborted) throw error;
    return null;
  }
}

function serialOf(answer: Answer | undefined): number | null {
  return answer?.type === 'SOA' ? (answer.data.serial ?? null) : null;
}

function answersOf(reply: Reply, name: string, type: string): Answer[] {
  return (reply.answers ?? []).filter((each) => each.type === type && canonicalName(each.name) === canonicalName(name));
}

/** Records as people write them, so that sets can be compared as text. */
function render(answer: Answer): string {
  switch (answer.type) {
    case 'MX':
      return `${answer.data.preference ?? 0} ${canonicalName(answer.data.exchange)}`;
    case 'CNAME':
      return canonicalName(answer.data);
    case 'TXT':
      // The strings of one record are one text (RFC 7208 §3.3).
      return [answer.data].flat().map(String).join('');
    case 'A':
      return answer.data;
    default:
      return answer.type;
  }
}

function toMx(data: MxData): MxRecord {
  return { preference: data.preference ?? 0, exchange: canonicalName(data.exchange) };
}

/** `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53` or a bare IPv6 address. */
function parseServer(text: string): Server {
  const bracketed = /^\[(.+)\](?::(\d+))?$/.exec(text);
  if (bracketed?.[1]) return { address: bracketed[1], port: Number(bracketed[2] ?? 53) };
  const [address = '', port, ...more] = text.split(':');
  return more.length > 0 ? { address: text, port: 53 } : { address, port: Number(port ?? 53) };
}
