/**
 * The environment, read once. Everything else is handed values. docs/configuration.md lists the same variables for people.
 *
 * | variable | default | is |
 * |---|---|---|
 * | MAILFERRY_HOME | .mailferry | folder for data, keys and logs of the embedded default |
 * | DATABASE_URL | embedded PostgreSQL | postgres:// or postgresql:// URL of the ledger |
 * | TEMPORAL_ADDRESS | embedded Temporal | host:port; the other TEMPORAL_* are read by `@temporalio/envconfig` |
 * | MAILFERRY_NAMESPACE | TEMPORAL_NAMESPACE, else default | Temporal namespace |
 * | MAILFERRY_API_HOST, MAILFERRY_API_PORT | 127.0.0.1, 7080 | where the API listens; port 0 lets the system choose |
 * | MAILFERRY_PUBLIC_URL | http://host:port | what links in mails begin with |
 * | MAILFERRY_TEMPORAL_UI_URL | the embedded one | origin of the Temporal UI that may decode payloads |
 * | MAILFERRY_SMTP_URL | files under the home folder | smtp:// or smtps:// URL for notifications |
 * | MAILFERRY_MAIL_FROM | mailferry@localhost | sender of notifications |
 * | MAILFERRY_PAYLOAD_KEY, MAILFERRY_PAYLOAD_KEY_FILE | a file under the home folder | 32 bytes, hex or base64 |
 * | MAILFERRY_OPERATOR_TOKEN | made at first start | bearer token of the operator, at least 24 characters |
 * | MAILFERRY_LOG_LEVEL | info | trace, debug, info, warn, error, fatal, silent |
 * | MAILFERRY_LOG_FORMAT | auto | auto, json, pretty; auto is pretty on a terminal |
 * | MAILFERRY_WORKFLOW_BUNDLE | made and kept under the home folder | file with the prebuilt workflow code |
 * | MAILFERRY_TRANSFER_SLOTS | 8 | mailboxes that one worker copies at a time |
 * | MAILFERRY_TEMPORAL_PORT, MAILFERRY_TEMPORAL_UI_PORT, MAILFERRY_PG_PORT | 7233, 8233, 54329 or free ones | embedded ports |
 */
import { resolve } from 'node:path';
import { z } from 'zod';
import { MigrationError } from './domain/errors.ts';

export interface Config {
  /** Absolute path. */
  readonly home: string;
  /** Null: the embedded PostgreSQL. */
  readonly databaseUrl: string | null;
  readonly temporal: {
    /** Null: the embedded server. */
    readonly address: string | null;
    readonly namespace: string;
    /** Where somebody else's Temporal UI is served; null: the embedded one, or none. */
    readonly uiUrl: string | null;
  };
  readonly api: {
    readonly host: string;
    readonly port: number;
    /** Without a slash at the end; null: made from host and the port that was got. */
    readonly publicUrl: string | null;
  };
  readonly smtpUrl: string | null;
  readonly mailFrom: string;
  /** 32 bytes, or null: read (or make) the key file. */
  readonly payloadKey: Buffer | null;
  /** Absolute path; null: `keys/payload.key` under the home folder. */
  readonly payloadKeyFile: string | null;
  readonly operatorToken: string | null;
  readonly log: { readonly level: LogLevel; readonly format: 'auto' | 'json' | 'pretty' };
  readonly transferSlots: number;
  /** Absolute path of the prebuilt workflow code (`workers/bundle.ts --out`); null: `ensureWorkflowBundle`. */
  readonly workflowBundle: string | null;
  /** Ports of the embedded parts that the user insists on; null: the usual one, else a free one. */
  readonly embeddedPorts: {
    readonly temporal: number | null;
    readonly temporalUi: number | null;
    readonly postgres: number | null;
  };
}

export type LogLevel = (typeof LOG_LEVELS)[number];

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/**
 * Reads and validates the environment. An empty value counts as not set, because compose files and shells pass those.
 *
 * @throws CONFIG_INVALID naming every bad variable in one message, without their values: some are secrets.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const result = Environment.safeParse(given);
  if (!result.success) {
    const problems = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new MigrationError(
      'CONFIG_INVALID',
      `The environment has ${countOf(problems.length)}:\n  ${problems.join('\n  ')}`,
      {
        facts: { variables: result.error.issues.map((issue) => issue.path.join('.')).join(', ') },
      },
    );
  }
  const values = result.data;
  return {
    home: resolve(values.MAILFERRY_HOME),
    databaseUrl: values.DATABASE_URL ?? null,
    temporal: {
      address: values.TEMPORAL_ADDRESS ?? null,
      namespace: values.MAILFERRY_NAMESPACE ?? values.TEMPORAL_NAMESPACE ?? 'default',
      uiUrl: values.MAILFERRY_TEMPORAL_UI_URL ?? null,
    },
    api: {
      host: values.MAILFERRY_API_HOST,
      port: values.MAILFERRY_API_PORT,
      publicUrl: values.MAILFERRY_PUBLIC_URL?.replace(/\/+$/, '') ?? null,
    },
    smtpUrl: values.MAILFERRY_SMTP_URL ?? null,
    mailFrom: values.MAILFERRY_MAIL_FROM,
    payloadKey: values.MAILFERRY_PAYLOAD_KEY ?? null,
    payloadKeyFile: values.MAILFERRY_PAYLOAD_KEY_FILE === undefined ? null : resolve(values.MAILFERRY_PAYLOAD_KEY_FILE),
    operatorToken: values.MAILFERRY_OPERATOR_TOKEN ?? null,
    log: { level: values.MAILFERRY_LOG_LEVEL, format: values.MAILFERRY_LOG_FORMAT },
    transferSlots: values.MAILFERRY_TRANSFER_SLOTS,
    workflowBundle: values.MAILFERRY_WORKFLOW_BUNDLE === undefined ? null : resolve(values.MAILFERRY_WORKFLOW_BUNDLE),
    embeddedPorts: {
      temporal: values.MAILFERRY_TEMPORAL_PORT ?? null,
      temporalUi: values.MAILFERRY_TEMPORAL_UI_PORT ?? null,
      postgres: values.MAILFERRY_PG_PORT ?? null,
    },
  };
}

/**
 * The 32 bytes that a text stands for.
 *
 * @returns null where the text is neither 64 hexadecimal digits nor base64 (either alphabet) of 32 bytes.
 */
export function parsePayloadKey(text: string): Buffer | null {
  const trimmed = text.trim();
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return Buffer.from(trimmed, 'hex');
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)) return null;
  const key = Buffer.from(trimmed, 'base64');
  return key.length === 32 ? key : null;
}

const port = (least: number) =>
  z
    .string()
    .regex(/^\d{1,5}$/, 'is not a port number')
    .transform(Number)
    .refine((value) => value >= least && value <= 65_535, `is not a port between ${least} and 65535`);

const url = (schemes: readonly string[]) =>
  z
    .string()
    .refine(
      (text) => URL.canParse(text) && schemes.includes(new URL(text).protocol.slice(0, -1)),
      `is not a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
    );

const Environment = z
  .object({
    MAILFERRY_HOME: z.string().default('.mailferry'),
    DATABASE_URL: url(['postgres', 'postgresql']).optional(),
    TEMPORAL_ADDRESS: z
      .string()
      .regex(/^[^\s/:]+:\d{1,5}$|^\[[0-9a-f:]+\]:\d{1,5}$/i, 'is not host:port')
      .optional(),
    TEMPORAL_NAMESPACE: z.string().optional(),
    MAILFERRY_NAMESPACE: z.string().optional(),
    MAILFERRY_API_HOST: z.string().default('127.0.0.1'),
    MAILFERRY_API_PORT: port(0).default(7080),
    MAILFERRY_PUBLIC_URL: url(['http', 'https']).optional(),
    MAILFERRY_TEMPORAL_UI_URL: url(['http', 'https']).optional(),
    MAILFERRY_SMTP_URL: url(['smtp', 'smtps']).optional(),
    MAILFERRY_MAIL_FROM: z
      .string()
      .regex(/^[^\r\n]*[^\s@<>]+@[^\s@<>]+>?$/, 'is not a mail address')
      .default('mailferry@localhost'),
    MAILFERRY_PAYLOAD_KEY: z
      .string()
      .transform(parsePayloadKey)
      .pipe(z.instanceof(Buffer, { error: 'is not 32 bytes in hex or base64' }))
      .optional(),
    MAILFERRY_PAYLOAD_KEY_FILE: z.string().optional(),
    MAILFERRY_OPERATOR_TOKEN: z.string().min(24, 'is shorter than 24 characters').optional(),
    MAILFERRY_LOG_LEVEL: z.enum(LOG_LEVELS, { error: `is not one of ${LOG_LEVELS.join(', ')}` }).default('info'),
    MAILFERRY_LOG_FORMAT: z
      .enum(['auto', 'json', 'pretty'], { error: 'is not one of auto, json, pretty' })
      .default('auto'),
    MAILFERRY_TRANSFER_SLOTS: z
      .string()
      .regex(/^\d{1,3}$/, 'is not a whole number')
      .transform(Number)
      .refine((value) => value >= 1 && value <= 256, 'is not between 1 and 256')
      .default(8),
    MAILFERRY_WORKFLOW_BUNDLE: z.string().optional(),
    MAILFERRY_TEMPORAL_PORT: port(1).optional(),
    MAILFERRY_TEMPORAL_UI_PORT: port(1).optional(),
    MAILFERRY_PG_PORT: port(1).optional(),
  })
  .refine((values) => values.MAILFERRY_PAYLOAD_KEY === undefined || values.MAILFERRY_PAYLOAD_KEY_FILE === undefined, {
    path: ['MAILFERRY_PAYLOAD_KEY_FILE'],
    message: 'is set beside MAILFERRY_PAYLOAD_KEY; only one of them can hold the key',
    when: () => true,
  });

function countOf(problems: number): string {
  return problems === 1 ? 'one bad variable' : `${problems} bad variables`;
}
