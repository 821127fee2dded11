/**
 * Logs: one JSON object a line, or readable lines on a terminal. Two promises hold for every line, whoever wrote it and
 * however: no secret at any level, and no mail address above debug level. They are kept where the finished line leaves the
 * process, because pino's own `redact` sees only the paths that it was told of: not a message made by interpolation, not the
 * text of an error, not a key one level deeper than expected (measured with pino 10).
 */
import { isIP } from 'node:net';
import { pino } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from './config.ts';

export interface LogDestination {
  write(line: string): void;
}

/**
 * A logger on stdout, or on `destination` (which then gets JSON lines). The configuration's own secrets are registered.
 */
export function createLogger(
  config: Pick<Config, 'log'> & Partial<Pick<Config, 'databaseUrl' | 'smtpUrl' | 'operatorToken' | 'payloadKey'>>,
  destination?: LogDestination,
): pino.Logger {
  for (const url of [config.databaseUrl, config.smtpUrl]) {
    const password = url == null ? '' : new URL(url).password;
    registerSecret(password);
    registerSecret(decodeURIComponent(password));
  }
  registerSecret(config.operatorToken ?? '');
  registerSecret(config.payloadKey?.toString('hex') ?? '');
  registerSecret(config.payloadKey?.toString('base64') ?? '');

  const out = destination ?? stdout(config.log.format);
  return pino(
    { level: config.log.level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => out.write(scrubLine(line)) },
  );
}

const live = new Map<string, { forms: readonly string[]; holders: number }>();

/**
 * Keeps a value out of every log line of this process, plain, percent-encoded and in base64. Values of fewer than four
 * characters are not registered: striking those out would leave no line readable.
 *
 * @returns takes the registration back, once the last holder of the same value has done so.
 */
export function registerSecret(value: string): () => void {
  if (value.length < 4) return () => undefined;
  const entry = live.get(value) ?? { forms: formsOf(value), holders: 0 };
  entry.holders += 1;
  live.set(value, entry);
  let held = true;
  return () => {
    if (held) entry.holders -= 1;
    held = false;
    if (entry.holders === 0) live.delete(value);
  };
}

/** Strikes registered secrets, and passwords inside URLs, out of a text that goes to a person or a file. */
export function scrubSecrets(text: string): string {
  let clean = text.replace(URL_CREDENTIALS, '://…@').replace(AUTHORIZATION, `$1 ${STRUCK}`);
  for (const { forms } of live.values()) {
    for (const form of forms) {
      if (clean.includes(form)) clean = clean.replaceAll(form, STRUCK);
    }
  }
  return clean;
}

/** `anna.berg@example.test` → `a…@example.test`: enough to tell two apart while reading, too little to write to. */
export function maskAddresses(text: string): string {
  return text.replace(ADDRESS, (_whole, first: string, domain: string) => `${first}…@${domain}`);
}

const STRUCK = '[secret]';
const DEBUG_LEVEL = 20;
const URL_CREDENTIALS = /:\/\/[^\s/@"']+@/g;
const AUTHORIZATION = /\b(Bearer|Basic|XOAUTH2)\s+[A-Za-z0-9._~+/=-]{8,}/gi;
const ADDRESS = /([\p{L}\p{N}])[\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]*@([\p{L}\p{N}][\p{L}\p{N}.-]*)/gu;
const SECRET_KEY =
  /pass(word|wd|phrase)?$|secret$|token$|^authorization$|^cookie$|^set-cookie$|api-?key$|^code$|private-?key$|^otp$/i;
const PERSON_KEY = /^(address|addresses|email|mail|user|username|login|sender|recipient|recipients|from|to|cc|bcc)$/i;
/** Words that stand under a secret-looking key without being one: error codes, exit codes. */
const HARMLESS_CODE = /^[A-Z][A-Z0-9_]+$/;

function scrubLine(line: string): string {
  const record = JSON.parse(line) as { level?: number };
  const maskPeople = (record.level ?? 0) > DEBUG_LEVEL;
  return `${JSON.stringify(scrubValue('', record, maskPeople))}\n`;
}

function scrubValue(key: string, value: unknown, maskPeople: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => scrubValue(key, item, maskPeople));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([name, inner]) => {
      return [scrubText('', name, maskPeople), scrubValue(name, inner, maskPeople)];
    });
    return Object.fromEntries(entries) as unknown;
  }
  if (typeof value === 'string') return scrubText(key, value, maskPeople);
  return value;
}

function scrubText(key: string, text: string, maskPeople: boolean): string {
  if (SECRET_KEY.test(key) && !(key.toLowerCase() === 'code' && HARMLESS_CODE.test(text))) return STRUCK;
  const clean = scrubSecrets(text);
  if (!maskPeople) return clean;
  if (PERSON_KEY.test(key) && !clean.includes('@') && isIP(clean) === 0) return `${clean.slice(0, 1)}…`;
  return maskAddresses(clean);
}

function stdout(format: Config['log']['format']): LogDestination {
  const readable = format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
  if (!readable) return pino.destination({ fd: 1, sync: true });
  return pretty({ sync: true, translateTime: 'SYS:HH:MM:ss', ignore: 'pid,hostname', singleLine: true });
}

function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((shift) => {
    // Inside a longer base64 text (SASL PLAIN is one) the secret begins at any of three places in a group of four
    // characters; what its neighbours also shape is cut off.
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const from = shift === 0 ? 0 : shift + 1;
    const to = (bytes.length + shift) % 3 === 0 ? text.length : text.length - 1;
    return text.slice(from, to);
  });
  const forms = [secret, encodeURIComponent(secret), ...base64];
  return [...new Set(forms)].filter((form) => form.length >= 4).sort((left, right) => right.length - left.length);
}
