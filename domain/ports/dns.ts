import type { MxRecord } from '../plan.ts';

/** One authoritative server's answer, kept as evidence. */
export interface AuthoritativeAnswer {
  /** Name and address of the server asked, e.g. `ns1.example.net` and `192.0.2.7`. */
  readonly server: string;
  readonly address: string;
  readonly outcome: 'ok' | 'lame' | 'refused' | 'servfail' | 'timeout' | 'no-such-name' | 'malformed';
  /** Rendered records in a canonical order, e.g. `0 mx.hosted.example`. Empty when there are none. */
  readonly records: readonly string[];
  /** Smallest TTL of the set in seconds; for an absent name the negative TTL (RFC 2308 §5). Null without an answer. */
  readonly ttlSeconds: number | null;
  readonly soaSerial: number | null;
}

export type RecordType = 'MX' | 'CNAME' | 'TXT' | 'A';

/** Where to ask. `resolver` finds the delegation only; the answer itself always comes from the authoritative servers. */
export interface DnsView {
  /** `host:port` of a recursive or parent server; null = the system's resolver. */
  readonly resolver: string | null;
  /** Port of the authoritative servers; 53 outside a lab. */
  readonly port: number;
}

export interface DnsProbe {
  /**
   * Asks every address of every authoritative name server of the zone of `name`, without recursion. Never throws for a server that
   * does not answer: its answer tells. Order: by server name, then address.
   * @throws DNS_UNREACHABLE when no delegation is found or no server answers at all.
   */
  askAuthoritatives(
    name: string,
    type: RecordType,
    view: DnsView,
    signal: AbortSignal,
  ): Promise<readonly AuthoritativeAnswer[]>;
  /** Hosts that receive mail for a domain, by preference, as an outside sender finds them. */
  findMx(domain: string, view: DnsView, signal: AbortSignal): Promise<readonly MxRecord[]>;
}
