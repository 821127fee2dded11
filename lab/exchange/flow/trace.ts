import { bodyOffset } from '../../imap/message-parts.ts';

/** Hops so far: Received lines of the header (RFC 5321 §6.3). */
export function hopsOf(raw: Buffer): number {
  const header = raw.subarray(0, bodyOffset(raw)).toString('latin1');
  return header.match(/^Received:/gim)?.length ?? 0;
}

/** The line that our entrance put on top belongs to the last delivery only (RFC 5321 §4.4). */
export function withoutReturnPath(raw: Buffer): Buffer {
  const [line = ''] = /^Return-Path:[^\r\n]*\r\n/i.exec(raw.subarray(0, 1_000).toString('latin1')) ?? [];
  return raw.subarray(line.length);
}

/** Recalled: mail that a mailbox forwards names it so (RFC 5322 §3.6.6). */
export function withResentFrom(raw: Buffer, mailbox: string): Buffer {
  return Buffer.concat([Buffer.from(`Resent-From: <${mailbox}>\r\n`), raw]);
}

/** A mail in a mailbox has been through one server more than the one at the entrance, which a forwarded copy of it has not. */
export function withMailboxTrace(raw: Buffer, name: string): Buffer {
  const date = new Date().toUTCString().replace('GMT', '+0000');
  const line = `Received: from ${name} (::1)\r\n\tby mailbox.${name} with HTTPS; ${date}\r\n`;
  const bare = withoutReturnPath(raw);
  return Buffer.concat([raw.subarray(0, raw.length - bare.length), Buffer.from(line), bare]);
}
