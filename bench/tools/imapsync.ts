import type { ImapEndpoint } from '../../lab/imap-client.ts';
import { measureCommand } from './command.ts';
import type { Tool } from './tool.ts';

/** imapsync is in no package registry: IMAPSYNC names its file. Null where it does not. */
export function findImapsync(): Tool | null {
  const program = process.env['IMAPSYNC'];
  if (program === undefined || program === '') return null;
  return {
    name: 'imapsync',
    async prepare({ source, target, folder }) {
      const sides = [...sideOf(1, source), ...sideOf(2, target)];
      const quiet = ['--nolog', '--noreleasecheck', '--nofoldersizes', '--nofoldersizesatend', '--tmpdir', folder];
      const env = { IMAPSYNC_PASSWORD1: source.pass, IMAPSYNC_PASSWORD2: target.pass };
      return () => measureCommand(program, [...sides, ...quiet], env);
    },
  };
}

function sideOf(side: 1 | 2, { host, port, user }: ImapEndpoint): string[] {
  const named = { host, port, user };
  return [
    ...Object.entries(named).flatMap(([name, value]) => [`--${name}${side}`, String(value)]),
    `--nossl${side}`,
    `--notls${side}`,
  ];
}
