import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ImapEndpoint } from '../../lab/imap-client.ts';
import { measureCommand } from './command.ts';
import { findProgram } from './find-program.ts';
import type { Tool } from './tool.ts';

/** mbsync of Debian's package isync (1.4), one way; null where it is not installed. */
export function findMbsync(): Tool | null {
  const program = findProgram('mbsync');
  if (program === null) return null;
  return {
    name: 'mbsync',
    async prepare({ source, target, folder }) {
      const config = join(folder, 'mbsyncrc');
      writeFileSync(config, configOf(source, target, folder), { mode: 0o600 });
      return () => measureCommand(program, ['--quiet', '--config', config, 'bench']);
    },
  };
}

/** Pipelining at its default (unlimited), dates kept as the others keep them. `*` does not cover INBOX. */
function configOf(source: ImapEndpoint, target: ImapEndpoint, folder: string): string {
  return `${storeOf('source', source)}
${storeOf('target', target)}
Channel bench
Far :source:
Near :target:
Patterns * INBOX
Create Near
Expunge None
Sync Pull
CopyArrivalDate yes
SyncState ${folder}/
`;
}

function storeOf(name: string, { host, port, user, pass }: ImapEndpoint): string {
  return `IMAPAccount ${name}
Host ${host}
Port ${port}
User ${user}
Pass ${pass}
SSLType None
AuthMechs LOGIN

IMAPStore ${name}
Account ${name}
`;
}
