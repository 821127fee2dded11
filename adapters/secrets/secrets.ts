import { readFile } from 'node:fs/promises';
import { resolve as resolvePath } from 'node:path';
import { MigrationError } from '../../domain/errors.ts';
import type { Secrets } from '../../domain/ports/services.ts';

/**
 * Secrets from files and environment variables. A file is read at every call, so a corrected secret counts at the next attempt
 * without a restart; what counts of it is its first line without the line end, and of PEM (keys, certificates; RFC 7468) all of it.
 * Errors name the reference, never a value.
 *
 * @param baseDir folder that relative `file:` references start from
 * @throws SECRET_MISSING also for an empty value: an empty password is never what was meant
 */
export function createSecrets(
  baseDir: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Secrets {
  return {
    async resolve(ref) {
      const value = ref.startsWith('file:')
        ? await readSecretFile(resolvePath(baseDir, ref.slice('file:'.length)), ref)
        : ref.startsWith('env:')
          ? env[ref.slice('env:'.length)]
          : // Something else may be the secret itself, pasted into the wrong place: it is not repeated.
            missing('a secret reference begins with neither `file:` nor `env:`', {});
      return value === undefined || value === '' ? missing(`${ref} is empty or not set`, { ref }) : value;
    },
  };
}

async function readSecretFile(path: string, ref: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    const value = text.replace(/^\uFEFF/, '');
    return value.startsWith('-----BEGIN ') ? value : value.replace(/\r?\n[\s\S]*$/, '');
  } catch (cause) {
    return missing(`${ref} cannot be read`, { ref, reason: (cause as NodeJS.ErrnoException).code ?? null });
  }
}

function missing(message: string, facts: Record<string, string | null>): never {
  throw new MigrationError('SECRET_MISSING', message, { facts });
}
