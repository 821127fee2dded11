import { describe, expect, test } from 'vitest';
import { digestOf } from './digest.ts';
import { type GeneratorOptions, generateMailbox, mailboxFolders } from './generator.ts';

const OPTIONS: GeneratorOptions = { seed: 1, owner: 'ann@example.test', locale: 'de', messages: 200 };

describe('a generated mailbox', () => {
  test('is the same for the same seed and another for another', () => {
    const digests = (options: GeneratorOptions) => [...generateMailbox(options)].map(({ raw }) => digestOf(raw));
    expect(digests(OPTIONS)).toEqual(digests(OPTIONS));
    expect(digests({ ...OPTIONS, seed: 2 })).not.toEqual(digests(OPTIONS));
    expect(digests({ ...OPTIONS, owner: 'bob@example.test' })).not.toEqual(digests(OPTIONS));
  });

  test.each(['en', 'de', 'fr'] as const)('fills the folders of %s', (locale) => {
    const mails = [...generateMailbox({ ...OPTIONS, locale })];
    expect(mails.length).toBe(200);
    const used = new Set(mails.map(({ folder }) => folder.join('/')));
    expect([...used].sort()).toEqual(
      mailboxFolders(locale)
        .map(({ path }) => path.join('/'))
        .sort(),
    );
  });

  test('holds only CRLF and no NUL unless asked for', () => {
    const unlawful = (raw: Buffer) => raw.includes(0) || /(^|[^\r])\n|\r(?!\n)/.test(raw.toString('latin1'));
    expect([...generateMailbox(OPTIONS)].filter(({ raw }) => unlawful(raw))).toEqual([]);
    expect([...generateMailbox({ ...OPTIONS, nasty: 'full' })].filter(({ raw }) => unlawful(raw)).length).toBe(2);
  });

  test('has two identical messages in one folder, and a large one', () => {
    const inbox = [...generateMailbox(OPTIONS)].filter(({ role }) => role === 'inbox').map(({ raw }) => raw);
    expect(new Set(inbox.map(digestOf)).size).toBe(inbox.length - 1);
    expect(Math.max(...inbox.map((raw) => raw.length))).toBeGreaterThan(2_000_000);
  });

  test('has internal dates of whole seconds in the past', () => {
    for (const { internalDate } of generateMailbox(OPTIONS)) {
      expect(internalDate.getMilliseconds()).toBe(0);
      expect(internalDate.getTime()).toBeLessThan(Date.now());
    }
  });
});
