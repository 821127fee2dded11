import { z } from 'zod';
import { LABEL_POLICIES } from '../../domain/gmail-labels.ts';
import { DEFAULT_POLICY, DEFAULT_ROUTES, type Plan, SERVER_ROUTES } from '../../domain/plan.ts';
import { REDIRECTION_MEANS } from '../../domain/redirection.ts';
import { ROUTES } from '../../domain/routes.ts';
import { isSecretRef, readAddress, readHostname, SECRET_FAULT } from './address.ts';
import { readDuration } from './duration.ts';

const text = z.string('must be text').trim().min(1, 'must not be empty');
const shortId = z
  .string('must be text')
  .regex(/^[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?$/, 'must be 1 to 48 of the characters a-z, 0-9 and "-"');
const hostname = parsed(readHostname, 'must be a host name, without port or scheme');
const host = parsed(
  (value) => (/^[0-9a-fA-F:]*:[0-9a-fA-F:.]+$/.test(value) ? value.toLowerCase() : readHostname(value)),
  'must be a host name or an IP address, without port or scheme',
);
const address = parsed(readAddress, 'must be a mail address');
const port = z.int('must be a whole number').min(1, 'must be 1 to 65535').max(65_535, 'must be 1 to 65535');
const secretRef = z.string(SECRET_FAULT).refine(isSecretRef, SECRET_FAULT);
const path = text.nullable().default(null);
const httpsUrl = z
  .string('must be a URL')
  .refine(
    (value) => URL.canParse(value) && new URL(value).protocol === 'https:',
    'must be a URL that starts with https://',
  );
const instant = z.iso.datetime({
  offset: true,
  error: 'must be a date and time with its offset, like 2027-01-15T20:00:00+01:00',
});
const timeZone = z
  .string('must be a time zone')
  .refine(isTimeZone, 'must be a time zone of the IANA list, like Europe/Berlin');

const PORTS = { tls: 993, starttls: 143, none: 143 } as const;

const endpointFields = {
  host,
  port: port.optional(),
  security: z.enum(['tls', 'starttls', 'none'], 'must be tls, starttls or none').default('tls'),
  allowInsecure: z.boolean('must be true or false').default(false),
  ca: path,
  maxConnections: z.int('must be a whole number').min(1, 'must be 1 to 100').max(100, 'must be 1 to 100').default(8),
};

const imapEndpoint = asEndpoint(
  z.strictObject({
    ...endpointFields,
    auth: z.enum(['password', 'xoauth2'], 'must be password or xoauth2').default('password'),
  }),
);

const source = asEndpoint(
  z.strictObject({
    ...endpointFields,
    labels: z.enum(LABEL_POLICIES, 'must be one-folder or every-label').default('one-folder'),
    labelOrder: z.array(text, 'must be a list of labels').default([]),
    dailyLimitMb: z.int('must be a whole number').min(1, 'must be at least 1').nullable().default(null),
  }),
);

const smtpEndpoint = z.strictObject({ host, port: port.default(25) });

const redirectTarget = smtpEndpoint
  .extend({
    means: z.enum(['auto', ...REDIRECTION_MEANS], 'must be auto, relay or forwarding').default('auto'),
    routingDomain: hostname.nullable().default(null),
    existing: z.enum(['stop', 'replace'], 'must be stop or replace').default('stop'),
  })
  .refine((given) => given.means !== 'forwarding' || given.routingDomain !== null, {
    path: ['routingDomain'],
    when: isRecord,
    message: 'is needed with `means: forwarding`: copies need an address that only the old server receives mail for.',
  });

const adminEndpoint = z
  .strictObject({
    baseUrl: httpsUrl,
    tenantId: text,
    clientId: text,
    clientSecret: secretRef.nullable().default(null),
    clientCertificate: secretRef.nullable().default(null),
    tokenUrl: httpsUrl,
    ca: path,
  })
  .refine(({ clientSecret, clientCertificate }) => (clientSecret === null) !== (clientCertificate === null), {
    path: ['clientSecret'],
    message: 'or clientCertificate: one of them is needed, and not both.',
  })
  .transform(({ ca, ...endpoint }) => ({ ...endpoint, caFile: ca }));

const ewsEndpoint = z
  .strictObject({
    url: httpsUrl,
    auth: z.enum(['basic', 'oauth'], 'must be basic or oauth').default('basic'),
    user: text.nullable().default(null),
    secret: secretRef.nullable().default(null),
    ca: path,
  })
  .refine(({ auth, user, secret }) => auth === 'oauth' || (user !== null && secret !== null), {
    path: ['user'],
    message: 'and secret are needed to sign in with `auth: basic`.',
  })
  .transform(({ ca, ...endpoint }) => ({ ...endpoint, caFile: ca }));

const routes = z
  .array(z.enum(ROUTES, `must be of ${ROUTES.join(', ')}`), 'must be a list of routes')
  .min(1, 'must name at least one route')
  .refine((given) => new Set(given).size === given.length, 'names a route twice');

const target = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('imap'), imap: imapEndpoint }),
    z.strictObject({
      kind: z.literal('exchange-server'),
      imap: imapEndpoint.refine(({ auth }) => auth === 'password', {
        path: ['auth'],
        message: 'must be password: an Exchange Server has no applications.',
      }),
      ews: ewsEndpoint.refine(({ auth }) => auth === 'basic', {
        path: ['auth'],
        message: 'must be basic: an Exchange Server has no applications.',
      }),
      routes: routes
        .refine((given) => given.every((route) => SERVER_ROUTES.includes(route)), 'must be of ews, imap')
        .default([...SERVER_ROUTES]),
    }),
    z.strictObject({
      kind: z.literal('hosted-exchange'),
      imap: imapEndpoint,
      graph: adminEndpoint,
      exchangeAdmin: adminEndpoint,
      transfer: adminEndpoint.nullable().default(null),
      ews: ewsEndpoint.nullable().default(null),
      routes: routes.default([...DEFAULT_ROUTES]),
      signedMail: z.enum(['keep', 'may-break'], 'must be keep or may-break').default('keep'),
      smtp: smtpEndpoint,
      redirectTo: redirectTarget,
    }),
  ],
  'must be imap, exchange-server or hosted-exchange',
);

const mxSet = z
  .array(
    z.strictObject({
      exchange: hostname,
      preference: z.int('must be a whole number').min(0, 'must be 0 to 65535').max(65_535, 'must be 0 to 65535'),
    }),
    'must be a list of {exchange, preference}',
  )
  .min(1, 'must name at least one host');

const dns = z
  .strictObject({
    path: z.enum(['direct', 'third-party-filter'], 'must be direct or third-party-filter').default('direct'),
    mx: mxSet,
    filterMx: mxSet.default([]),
    autodiscover: hostname,
    spfMechanism: text.regex(
      /^[?~+-]?(include|a|mx|ip4|ip6|exists)\b\S*$/i,
      'must be an SPF mechanism, like include:spf.hosted.example',
    ),
    resolver: text
      .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:/]+):\d{1,5}$/, 'must be host:port')
      .nullable()
      .default(null),
    port: port.default(53),
  })
  .refine((given) => given.path !== 'third-party-filter' || given.filterMx?.length > 0, {
    path: ['filterMx'],
    when: isRecord,
    message: 'is missing: with a third-party filter the MX set that must stay as it is has to be named.',
  });

const duration = (fallbackMs: number) =>
  z
    .string('must be a duration like 7d, 24h, 5m or 10s')
    .transform((value, context) => {
      const ms = readDuration(value);
      if (ms !== null) return ms;
      context.addIssue({ code: 'custom', message: 'must be a duration like 7d, 24h, 5m or 10s' });
      return z.NEVER;
    })
    .default(fallbackMs);

const policy = z
  .strictObject({
    quiet: duration(DEFAULT_POLICY.quietMs),
    stragglerEvery: duration(DEFAULT_POLICY.stragglerEveryMs),
    deltaEvery: duration(DEFAULT_POLICY.deltaEveryMs),
    dnsEvery: duration(DEFAULT_POLICY.dnsEveryMs),
    propagationGrace: duration(DEFAULT_POLICY.propagationGraceMs),
    probeTimeout: duration(DEFAULT_POLICY.probeTimeoutMs),
    cutoverLead: duration(DEFAULT_POLICY.cutoverLeadMs),
    gateReminderEvery: duration(DEFAULT_POLICY.gateReminderEveryMs),
    window: z
      .int('must be a whole number')
      .min(1, 'must be 1 to 500')
      .max(500, 'must be 1 to 500')
      .default(DEFAULT_POLICY.window),
    deletions: z.enum(['keep', 'follow'], 'must be keep or follow').default('keep'),
  })
  .transform((given) => ({
    quietMs: given.quiet,
    stragglerEveryMs: given.stragglerEvery,
    deltaEveryMs: given.deltaEvery,
    dnsEveryMs: given.dnsEvery,
    propagationGraceMs: given.propagationGrace,
    probeTimeoutMs: given.probeTimeout,
    cutoverLeadMs: given.cutoverLead,
    gateReminderEveryMs: given.gateReminderEvery,
    window: given.window,
    deletions: given.deletions,
  }));

const contact = z
  .strictObject({
    id: shortId,
    name: text,
    party: z.enum(['client', 'operator'], 'must be client or operator').default('client'),
    email: address,
    codeEmail: address.optional(),
  })
  .transform((given) => ({ ...given, codeEmail: given.codeEmail ?? given.email }));

/** plan.yaml as a person writes it. Parsing it gives a {@link Plan} with every default filled in. */
export const planSchema = z.strictObject({
  client: z.strictObject({
    id: shortId,
    name: text,
    domains: z
      .array(parsed(readHostname, 'must be a mail domain'), 'must be a list of mail domains')
      .min(1, 'must name at least one domain'),
  }),
  contacts: z.array(contact, 'must be a list of persons').min(1, 'must name at least one person'),
  source,
  target,
  dns: dns.nullable().default(null),
  cutover: z
    .strictObject({ at: instant.nullable().default(null), timeZone: timeZone.default('UTC') })
    .default({ at: null, timeZone: 'UTC' }),
  policy: policy.default(DEFAULT_POLICY),
  agreement: z.strictObject({ text, agreedBy: text, agreedAt: instant }),
}) satisfies z.ZodType<Plan>;

interface EndpointFields {
  readonly port?: number | undefined;
  readonly security: keyof typeof PORTS;
  readonly allowInsecure: boolean;
  readonly ca: string | null;
}

function asEndpoint<T extends EndpointFields, In>(fields: z.ZodType<T, In>) {
  return fields
    .refine((endpoint) => endpoint.security !== 'none' || endpoint.allowInsecure, {
      path: ['security'],
      when: isRecord, // also when another field is wrong: all faults are told at once
      message:
        'is `none`: passwords and mail would cross the network in clear. Say `allowInsecure: true` to accept that.',
    })
    .transform(({ ca, port: given, ...endpoint }) => ({
      ...endpoint,
      port: given ?? PORTS[endpoint.security],
      caFile: ca,
    }));
}

function parsed(read: (value: string) => string | null, message: string) {
  return z.string(message).transform((value, context) => {
    const result = read(value.trim());
    if (result !== null) return result;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}

function isRecord(payload: { value: unknown }): boolean {
  return typeof payload.value === 'object' && payload.value !== null;
}

function isTimeZone(value: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return true;
  } catch {
    return false;
  }
}
