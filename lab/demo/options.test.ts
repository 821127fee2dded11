import { describe, expect, test } from 'vitest';
import { readOptions } from './options.ts';

describe('options of the demo', () => {
  test('have usual values', () => {
    expect(readOptions([])).toEqual({
      mailboxes: 6,
      messages: 360,
      seed: 'mailferry',
      handsOn: false,
      killWorker: false,
      route: null,
    });
  });

  test('are read', () => {
    const args = ['--mailboxes', '3', '--messages=12', '--seed', 'other', '--hands-on', '--kill-worker', '--route=ews'];
    const read = { mailboxes: 3, messages: 12, seed: 'other', handsOn: true, killWorker: true, route: 'ews' };
    expect(readOptions(args)).toEqual(read);
    expect(readOptions(['-h'])).toEqual({ help: true });
  });

  test.each([
    [['--mailboxes', '0'], "--mailboxes is a whole number from 1 to 200, not '0'"],
    [['--mailboxes', '1.5'], "--mailboxes is a whole number from 1 to 200, not '1.5'"],
    [['--messages', 'many'], "--messages is a whole number from 6 to 100000, not 'many'"],
    [['--route', 'pop3'], "--route is one of imap, ews, graph-json, import-mime, not 'pop3'"],
    [['--mailboxes', '10', '--messages', '9'], "--messages is a whole number from 10 to 100000, not '9'"],
  ])('%j is refused with the reason', (args, problem) => {
    expect(readOptions(args)).toEqual({ problem });
  });

  test('that nobody knows are named', () => {
    expect(readOptions(['--fast'])).toEqual({ problem: expect.stringContaining('--fast') });
    expect(readOptions(['fast'])).toEqual({ problem: expect.stringContaining('fast') });
  });
});
