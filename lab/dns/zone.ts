import type { Answer, Packet } from 'dns-packet';
import * as packet from 'dns-packet';

export type LabRecordType = 'MX' | 'CNAME' | 'TXT' | 'A' | 'NS';

interface RecordSet {
  ttlSeconds: number;
  /** As people write them: `10 mail.example.test`, `autodiscover.example.test`, `v=spf1 -all`, `127.0.0.1`. */
  records: readonly string[];
}

/** An editable zone: what the client's DNS provider would offer. Each change bumps the serial. */
export class Zone {
  readonly origin: string;
  serial = 1;
  /** Cached absence lives this long (SOA minimum, RFC 2308). */
  negativeTtlSeconds = 5;
  private readonly sets = new Map<string, RecordSet>();

  constructor(origin: string) {
    this.origin = origin.toLowerCase();
  }

  /** Replaces a set; an empty one removes it. */
  set(name: string, type: LabRecordType, records: readonly string[], ttlSeconds = 5): void {
    const key = keyOf(name, type);
    if (records.length === 0) this.sets.delete(key);
    else this.sets.set(key, { records, ttlSeconds });
    this.serial += 1;
  }

  get(name: string, type: LabRecordType): readonly string[] {
    return this.sets.get(keyOf(name, type))?.records ?? [];
  }

  covers(name: string): boolean {
    const lower = name.toLowerCase();
    return lower === this.origin || lower.endsWith(`.${this.origin}`);
  }

  /** An authoritative answer (AA), with glue for NS, or NXDOMAIN or no data with the SOA. */
  answer(query: Packet & { id?: number | undefined }): Packet {
    const question = query.questions?.[0];
    if (!question || !this.covers(question.name)) return reply(query, REFUSED, { flags: 0 });
    const name = question.name.toLowerCase();
    const answers = question.type === 'SOA' && name === this.origin ? [this.soa()] : this.find(name, question.type);
    const additionals = answers.flatMap((each) => (each.type === 'NS' ? this.find(each.data.toLowerCase(), 'A') : []));
    if (answers.length > 0) return reply(query, NOERROR, { answers, additionals });
    const exists = [...this.sets.keys()].some(
      (key) => key.startsWith(`${name} `) || key.split(' ')[0]?.endsWith(`.${name}`),
    );
    return reply(query, exists ? NOERROR : NXDOMAIN, { authorities: [this.soa()] });
  }

  private find(name: string, type: string): Answer[] {
    const set = this.sets.get(`${name} ${type}`);
    return (set?.records ?? []).map((record) => toAnswer(name, type as LabRecordType, record, set?.ttlSeconds ?? 0));
  }

  private soa(): Answer {
    return {
      type: 'SOA',
      name: this.origin,
      ttl: this.negativeTtlSeconds,
      data: {
        mname: `ns1.${this.origin}`,
        rname: `hostmaster.${this.origin}`,
        serial: this.serial,
        refresh: 60,
        retry: 60,
        expire: 3_600,
        minimum: this.negativeTtlSeconds,
      },
    };
  }
}

const NOERROR = 0;
const NXDOMAIN = 3;
const REFUSED = 5;

function reply(query: Packet & { id?: number | undefined }, rcode: number, over: Partial<Packet>): Packet {
  return {
    type: 'response',
    ...(query.id !== undefined && { id: query.id }),
    questions: query.questions ?? [],
    ...over,
    flags: (over.flags ?? packet.AUTHORITATIVE_ANSWER) | rcode,
  };
}

function toAnswer(name: string, type: LabRecordType, record: string, ttl: number): Answer {
  if (type === 'MX') {
    const [preference = '0', exchange = ''] = record.split(/\s+/);
    return { type, name, ttl, data: { preference: Number(preference), exchange } };
  }
  // A TXT string holds 255 octets at most (RFC 1035 §3.3.14).
  if (type === 'TXT') return { type, name, ttl, data: record.match(/.{1,255}/gs) ?? [''] };
  return { type, name, ttl, data: record };
}

function keyOf(name: string, type: string): string {
  return `${name.toLowerCase().replace(/\.$/, '')} ${type}`;
}
