import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Beside the checkout, and never part of it: the messages have licences of their own. */
const CORPUS_FOLDER = join(import.meta.dirname, '..', '..', 'shared', 'corpus', 'mail');

export interface CorpusMail {
  name: string;
  raw: Buffer;
}

/** The corpus of real and nasty messages, by name; null where the folder is missing, and then the caller says so. */
export function findCorpus(): readonly CorpusMail[] | null {
  if (!existsSync(CORPUS_FOLDER)) return null;
  const names = readdirSync(CORPUS_FOLDER).filter((name) => name.endsWith('.eml'));
  return names.sort().map((name) => ({ name, raw: readFileSync(join(CORPUS_FOLDER, name)) }));
}
