import { randomUUID } from 'node:crypto';

/** A report that a mail was not delivered (RFC 3464), as the tenant writes it to the sender. */
export function nonDeliveryReport(report: {
  readonly to: string;
  readonly about: string;
  readonly domain: string;
  /** `550 5.7.520 Access denied, …` */
  readonly reason: string;
}): Buffer {
  const boundary = `=_${randomUUID()}`;
  const [, status = '5.0.0'] = /\b([245]\.\d{1,3}\.\d{1,3})\b/.exec(report.reason) ?? [];
  const lines = [
    `From: <postmaster@${report.domain}>`,
    `To: <${report.to}>`,
    `Subject: Undeliverable`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${randomUUID()}@${report.domain}>`,
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=us-ascii',
    '',
    `Your message to ${report.about} couldn't be delivered: ${report.reason}`,
    `--${boundary}`,
    'Content-Type: message/delivery-status',
    '',
    `Reporting-MTA: dns;${report.domain}`,
    '',
    `Final-Recipient: rfc822;${report.about}`,
    'Action: failed',
    `Status: ${status}`,
    `Diagnostic-Code: smtp;${report.reason}`,
    `--${boundary}--`,
    '',
  ];
  return Buffer.from(lines.join('\r\n'));
}
