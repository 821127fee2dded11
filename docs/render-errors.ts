/** Writes docs/errors.md from the error catalogue: `node docs/render-errors.ts`. The tidy test compares the two. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ERRORS, type ErrorKind, type Reaction } from '../domain/errors.ts';

const REACTIONS: Readonly<Record<Reaction, string>> = {
  retry:
    'A passing fault. Temporal repeats the call by itself, at growing intervals; you need not do anything at first.',
  wait: 'We were told to wait, or something is not there yet. The call is repeated after the time that was named.',
  skip: 'The message or folder cannot be moved. It is recorded and named in the report; the rest goes on.',
  pause: 'A person has to act. Only the mailbox or step concerned is held; `retry` or `resume` goes on.',
  stop: 'Wrong input, or a bug of ours. Nothing is repeated; the answer says what is wrong.',
};

/** The page as text. Pure. */
export function renderErrors(): string {
  const lines = [
    '# Errors',
    '',
    '<!-- Made by `node docs/render-errors.ts` from domain/errors.ts: change that file, not this one. -->',
    '',
    'Every error that Mailferry raises on purpose has a code. The code stands in the Temporal UI, in the API’s problem body',
    '(`type: /problems/CODE`), in the command’s output and in the report. The *reaction* tells what happens next, the *scope* how far',
    'the damage reaches, and the *remedy* what you can do.',
    '',
    '| reaction | what happens |',
    '|---|---|',
    ...Object.entries(REACTIONS).map(([reaction, meaning]) => `| \`${reaction}\` | ${meaning} |`),
    '',
  ];
  const kinds: [string, ErrorKind][] = Object.entries(ERRORS);
  for (const [reaction] of Object.entries(REACTIONS)) {
    lines.push(`## ${reaction}`, '', '| code | scope | HTTP | what to do |', '|---|---|---|---|');
    for (const [code, kind] of kinds) {
      if (kind.reaction !== reaction) continue;
      lines.push(`| \`${code}\` | ${kind.scope} | ${kind.httpStatus} | ${kind.remedy.replaceAll('|', '\\|')} |`);
    }
    lines.push('');
  }
  return lines.join('\n');
}

if (import.meta.main) writeFileSync(fileURLToPath(new URL('errors.md', import.meta.url)), renderErrors());
