import type { CensusEntry } from '../domain/mail.ts';
import type { MailAccount, MailConnector } from '../domain/ports/mail.ts';

/** A probe that just arrived is among the newest; older mail is not looked at. */
const NEWEST = 50;

export async function hasProbeAtSource(
  connector: MailConnector,
  account: MailAccount,
  token: string,
  signal: AbortSignal,
): Promise<boolean> {
  const source = await connector.openSource(account, signal);
  try {
    for await (const folder of source.listFolders()) {
      if (folder.role !== 'inbox') continue;
      const { uidValidity } = await source.getStatus(folder);
      const newest: CensusEntry[] = [];
      for await (const entry of source.listMessages(folder)) {
        newest.push(entry);
        if (newest.length > NEWEST) newest.shift();
      }
      for (const { uid } of newest.reverse()) {
        const message = await source.findMessage(folder, uidValidity, uid);
        if (message && isProbe(message.raw, token)) return true;
      }
    }
    return false;
  } finally {
    await source.close();
  }
}

export async function hasProbeAtTarget(
  connector: MailConnector,
  account: MailAccount,
  token: string,
  signal: AbortSignal,
): Promise<boolean> {
  const target = await connector.openTarget(account, signal);
  try {
    for await (const folder of target.listFolders()) {
      if (folder.role !== 'inbox') continue;
      const { uidNext } = await target.getStatus(folder);
      for await (const { raw } of target.listMessages(folder, Math.max(1, uidNext - NEWEST))) {
        if (isProbe(raw, token)) return true;
      }
    }
    return false;
  } finally {
    await target.close();
  }
}

function isProbe(raw: Buffer, token: string): boolean {
  return raw.includes(`X-Mailferry-Probe: ${token}`);
}
