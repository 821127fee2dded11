import { measureCommand } from './command.ts';
import { findProgram } from './find-program.ts';
import type { Tool } from './tool.ts';

/**
 * doveadm's one-way dsync, run at the target: it reads the source over IMAP (imapc) and writes the target's files itself, so it is
 * spared IMAP, and any latency, on that side. Features as Dovecot's own pages on migration advise.
 */
export function findDoveadm(): Tool | null {
  const program = findProgram('doveadm');
  if (program === null) return null;
  return {
    name: 'doveadm',
    async prepare({ source, target, targetConfig }) {
      const settings = {
        imapc_host: source.host,
        imapc_port: source.port,
        imapc_user: source.user,
        imapc_password: source.pass,
        imapc_features: 'rfc822.size fetch-headers',
        mail_prefetch_count: 20,
      };
      const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
      const command = ['-c', targetConfig, ...options, 'backup', '-R', '-u', target.user, 'imapc:'];
      return () => measureCommand(program, command);
    },
  };
}
