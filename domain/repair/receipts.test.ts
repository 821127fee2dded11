import { describe, expect, test } from 'vitest';
import { disarmReceipts } from './receipts.ts';

describe('a request for a read receipt', () => {
  test('gets another name, folds and case and all, and nothing else changes', () => {
    const raw = Buffer.from(
      'Subject: x\r\ndisposition-Notification-TO:\r\n Ben <b@example.test>\r\nTo: a\r\n\r\nbody\r\n',
    );
    expect(disarmReceipts(raw).toString()).toBe(
      'Subject: x\r\nX-Original-disposition-Notification-TO:\r\n Ben <b@example.test>\r\nTo: a\r\n\r\nbody\r\n',
    );
  });

  test('is disarmed as often as it stands there, and twice is the same as once', () => {
    const raw = Buffer.from('Disposition-Notification-To: a\nDisposition-Notification-To: b\n\nx\n');
    const once = disarmReceipts(raw);
    expect(once.toString().match(/^X-Original-/gm)).toHaveLength(2);
    expect(disarmReceipts(once)).toBe(once);
  });

  test.each([
    ['no request', 'Subject: Disposition-Notification-To: a\r\n\r\nx\r\n'],
    ['one in the body', 'Subject: x\r\n\r\nDisposition-Notification-To: a\r\n'],
    [
      'one in an attached message',
      'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nDisposition-Notification-To: a\r\n\r\nx\r\n--b--\r\n',
    ],
  ])('%s: the very buffer', (_case, text) => {
    const raw = Buffer.from(text);
    expect(disarmReceipts(raw)).toBe(raw);
  });
});
