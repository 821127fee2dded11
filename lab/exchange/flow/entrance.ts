import { type SmtpEntrance, startSmtpEntrance } from '../../smtp/entrance.ts';
import type { HostedTenant } from '../tenant.ts';
import { Transport, type TransportOptions } from './transport.ts';

export interface TenantEntranceOptions extends Omit<TransportOptions, 'state' | 'store' | 'outgoing'> {
  readonly tenant: Pick<HostedTenant, 'state' | 'store' | 'outgoing'>;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer };
  readonly maxMessageBytes?: number;
}

export interface TenantEntrance extends SmtpEntrance {
  readonly transport: Transport;
}

/** Where the tenant's MX points: takes mail for every domain that the tenant has at that moment. */
export async function startTenantEntrance(options: TenantEntranceOptions): Promise<TenantEntrance> {
  const { tenant, port, tls, maxMessageBytes, ...rest } = options;
  const { state, store, outgoing } = tenant;
  const transport = new Transport({ ...rest, state, store, outgoing });
  const entrance = await startSmtpEntrance({
    name: options.name,
    domains: 'any',
    refusalOf: (recipient) => transport.refusalOf(recipient),
    deliver: (mail) => transport.take(mail),
    ...(port !== undefined && { port }),
    ...(tls && { tls }),
    ...(maxMessageBytes !== undefined && { maxMessageBytes }),
  });
  const { host, port: openPort } = entrance;
  return {
    host,
    port: openPort,
    transport,
    get taken() {
      return entrance.taken;
    },
    async close() {
      await entrance.close();
      await transport.close();
    },
  };
}
