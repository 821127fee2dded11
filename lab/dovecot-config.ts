import { join } from 'node:path';
import type { DaemonAccount } from './mail-daemon.ts';

export interface DovecotConfig {
  root: string;
  account: DaemonAccount;
  ports: { imap: number; imaps: number | null };
  maxConnections: number;
  fsync: boolean;
}

/** Names under which the special folders are known, as a hoster of three languages sets them up. */
const SPECIAL_FOLDERS = {
  '\\Sent': ['Sent', 'Gesendete Objekte', 'Envoyés'],
  '\\Drafts': ['Drafts', 'Entwürfe', 'Brouillons'],
  '\\Trash': ['Trash', 'Papierkorb', 'Corbeille'],
  '\\Junk': ['Junk', 'Spam', 'Indésirables'],
  '\\Archive': ['Archive', 'Archiv', 'Archives'],
} as const;

export function usersFile(root: string): string {
  return join(root, 'users');
}

export function logFile(root: string): string {
  return join(root, 'dovecot.log');
}

/** Configuration of a private Dovecot 2.3: everything under one folder, loopback only, no system accounts. */
export function dovecotConfig({ root, account, ports, maxConnections, fsync }: DovecotConfig): string {
  const mailboxes = Object.entries(SPECIAL_FOLDERS).flatMap(([use, names]) =>
    names.map((name) => `  mailbox "${name}" {\n    special_use = ${use}\n  }`),
  );
  const listener = (name: string, port: number, more = '') =>
    `  inet_listener ${name} {\n    address = 127.0.0.1\n    port = ${port}\n${more}  }`;
  return `
base_dir = ${join(root, 'run')}
state_dir = ${join(root, 'state')}
log_path = ${logFile(root)}
protocols = imap
listen = 127.0.0.1
ssl = ${ports.imaps === null ? 'no' : `yes\nssl_cert = <${join(root, 'cert.pem')}\nssl_key = <${join(root, 'key.pem')}`}
disable_plaintext_auth = no
auth_mechanisms = plain login
# Its two seconds guard against guessing; here they only slow down the tests of a wrong password.
auth_failure_delay = 0 secs
default_login_user = ${account.name}
default_internal_user = ${account.name}
default_internal_group = ${account.group}
first_valid_uid = 1
first_valid_gid = 1
mail_uid = ${account.uid}
mail_gid = ${account.gid}
# A file system layout, since Maildir++ forbids dots in names.
mail_location = maildir:${join(root, 'mail')}/%u:LAYOUT=fs
mail_fsync = ${fsync ? 'optimized' : 'never'}
mail_max_userip_connections = ${maxConnections}
passdb {
  driver = passwd-file
  args = username_format=%u ${usersFile(root)}
}
userdb {
  driver = static
  args = uid=${account.uid} gid=${account.gid} home=${join(root, 'home')}/%u
}
namespace inbox {
  inbox = yes
  separator = /
${mailboxes.join('\n')}
}
service anvil {
  chroot =
  # Nor may a wrong password slow down the next sign-in from the same address, which here is everybody's.
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
service imap-login {
  chroot =
${listener('imap', ports.imap)}
${listener('imaps', ports.imaps ?? 0, ports.imaps === null ? '' : '    ssl = yes\n')}
}
`;
}
