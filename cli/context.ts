import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { z } from 'zod';
import type {
  GateRevision,
  MailboxReport as MailboxReportSchema,
  Mailbox as MailboxSchema,
  Migration as MigrationSchema,
  Report as ReportSchema,
} from '../api/schemas.ts';
import { type ApiClient, operatorClient } from './client.ts';
import { CliError, EXIT } from './exit-codes.ts';
import type { Io } from './output.ts';

/** Answers of the API, by the schemas that it serves them with. */
export type Migration = z.output<typeof MigrationSchema>;
export type Mailbox = z.output<typeof MailboxSchema>;
export type Gate = z.output<typeof GateRevision>;
export type MailboxReport = z.output<typeof MailboxReportSchema>;
export type Report = z.output<typeof ReportSchema>;

/** What every command gets. */
export interface Context {
  readonly io: Io;
  readonly api: () => ApiClient;
  /** Prints `value` with `--json`, else what `human` makes of it. */
  show<T>(value: T, human: (value: T) => string): void;
  readonly json: () => boolean;
  /** The exit code of a command that ended well, but not all well. */
  end(exitCode: number): void;
}

export function createContext(io: Io, json: () => boolean, end: (exitCode: number) => void): Context {
  return {
    io,
    api: () => operatorClient(io.env),
    json,
    end,
    show(value, human) {
      io.out(json() ? `${JSON.stringify(value)}\n` : human(value));
    },
  };
}

/** The text of a file as people save them: UTF-8, UTF-16 with its mark, or the code page of a western Windows. */
/** @returns also the folder, absolute: names inside the file count from there. */
export function readText(path: string): { text: string; name: string; folder: string } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path === '-' ? 0 : path);
  } catch (cause) {
    throw new CliError(EXIT.usage, `Cannot read ${path}.`, { cause });
  }
  const [name, folder] = path === '-' ? ['stdin', process.cwd()] : [basename(path), dirname(resolve(path))];
  return { text: decode(bytes), name, folder };
}

function decode(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/** The same files twice are the same request, also after the answer got lost. */
export function keyOf(...parts: readonly string[]): string {
  return `cli-${createHash('sha256').update(parts.join('\u0000')).digest('hex').slice(0, 40)}`;
}

export function freshKey(): string {
  return `cli-${randomUUID()}`;
}

export const path = (strings: TemplateStringsArray, ...values: readonly string[]): string =>
  String.raw({ raw: strings }, ...values.map(encodeURIComponent));

/** Every page of a list. */
export async function allPages<T>(api: ApiClient, url: string, field: string): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = cursor === '' ? '?limit=1000' : `?limit=1000&cursor=${encodeURIComponent(cursor)}`;
    const page: Record<string, unknown> = await api.call('GET', `${url}${query}`);
    items.push(...(page[field] as T[])); // the API's schema vouches for the shape
    cursor = page['nextCursor'] as string | null;
  }
  return items;
}
