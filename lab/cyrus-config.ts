import { join } from 'node:path';
import type { DaemonAccount } from './mail-daemon.ts';

export interface CyrusConfig {
  root: string;
  account: DaemonAccount;
  port: number;
  /** Folders lie beside INBOX (`Sent`) and not below it (`INBOX.Sent`). */
  altnamespace: boolean;
  /** `/` separates names, so that a dot may be in one; otherwise `.` does. */
  unixhierarchysep: boolean;
  maxConnections: number;
}

/** Under the root. Cyrus makes no folder of its own configuration (measured with 3.6.1). */
export const CYRUS_FOLDERS = [
  'conf',
  ...['db', 'proc', 'lock', 'msg', 'socket', 'log', 'quota', 'user'].map((name) => join('conf', name)),
  'mail',
] as const;

export function cyrusFiles(root: string) {
  return {
    imapd: join(root, 'imapd'),
    imapdConf: join(root, 'imapd.conf'),
    cyrusConf: join(root, 'cyrus.conf'),
    log: join(root, 'cyrus.log'),
    pid: join(root, 'pid'),
  } as const;
}

/** Configuration of a private Cyrus 3.6: everything under one folder, loopback only; an empty value is an error to it. */
export function imapdConfig({ root, account, altnamespace, unixhierarchysep }: CyrusConfig): string {
  const socket = (name: string) => join(root, 'conf', 'socket', name);
  return `
cyrus_user: ${account.name}
configdirectory: ${join(root, 'conf')}
defaultpartition: default
partition-default: ${join(root, 'mail')}
proc_path: ${join(root, 'conf', 'proc')}
mboxname_lockpath: ${join(root, 'conf', 'lock')}
idlesocket: ${socket('idle')}
lmtpsocket: ${socket('lmtp')}
notifysocket: ${socket('notify')}
syslog_prefix: mailferry-lab
sasl_pwcheck_method: alwaystrue
sasl_mech_list: PLAIN LOGIN
allowplaintext: yes
autocreate_quota: 0
altnamespace: ${yesOrNo(altnamespace)}
unixhierarchysep: ${yesOrNo(unixhierarchysep)}
`;
}

/** Services of the master; one entry a line, commands absolute and each told its configuration. */
export function masterConfig({ root, port, maxConnections }: CyrusConfig, recover: string): string {
  const { imapd, imapdConf } = cyrusFiles(root);
  return `
START {
  recover cmd="${recover} -C ${imapdConf} -r"
}
SERVICES {
  imap cmd="${imapd} -C ${imapdConf}" listen="127.0.0.1:${port}" proto="tcp4" prefork=0 maxchild=${maxConnections}
}
EVENTS {
}
`;
}

function yesOrNo(value: boolean): string {
  return value ? 'yes' : 'no';
}
