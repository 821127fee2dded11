/**
 * What goes wrong at Graph while a mailbox is copied. The oracle is the store of the simulated tenant: nothing is lost, nothing doubled,
 * whatever was answered.
 */
import { afterEach, describe, expect, test } from 'vitest';
import type { GraphRoute } from '../../adapters/graph/mail-connector.ts';
import { STAGING_NAME } from '../../adapters/graph/staging.ts';
import type { Fault, TenantCall } from '../../lab/exchange/tenant.ts';
import { type GraphWorld, mailWith, mailWithFile, newGraphWorld } from '../support/graph-world.ts';

const ROUTES = ['graph-json', 'import-mime'] as const satisfies readonly GraphRoute[];
const CREATE = /^POST .*\/(?:messages|importMime)$/;
const SUBJECTS = ['one', 'three', 'twin', 'twin'];
/** Of Exchange, to the millisecond (exchange.md §3). */
const RETRY_AFTER = { 'retry-after': '2.128' };

let world: GraphWorld;
afterEach(() => world.close());

async function start(route: GraphRoute, visibleAfterMs = 0): Promise<void> {
  world = await newGraphWorld(
    route,
    (source) => {
      source.addMessage(['INBOX'], mailWith('one'), ['\\Seen', '\\Flagged']);
      source.addMessage(['INBOX'], mailWith('twin'), [], '2001-02-03T04:05:06Z');
      source.addMessage(['INBOX'], mailWith('twin'), [], '2001-02-03T04:05:06Z');
      source.addMessage(['INBOX'], mailWith('three'), ['\\Answered', 'work']);
    },
    { graph: { visibleAfterMs } },
  );
}

/** The nth call of this kind goes wrong. */
function failAt(kind: RegExp, nth: number, fault: Fault) {
  let met = 0;
  return world.mailbox.fault(({ name }: TenantCall) => {
    if (!kind.test(name)) return null;
    met += 1;
    return met === nth ? fault : null;
  });
}

function subjects(folder = 'INBOX'): string[] {
  return (world.mailbox.seen()[folder] ?? []).map((mail) => mail.split(' | ')[0] ?? '');
}

/** As a person waits, or Temporal does. */
async function copyUntilDone(attempts = 5): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const error: unknown = await world.copy().then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (error === null) return;
    if (attempt === attempts) throw error;
    world.mailbox.pass(3_000);
  }
}

describe.each(ROUTES)('a copy by %s', (route) => {
  test.each([
    ['429 with a fraction', { status: 429, headers: RETRY_AFTER }],
    ['503 before it took effect', { status: 503 }],
    ['503 after it took effect', { status: 503, afterEffect: true }],
    ['504 after it took effect', { status: 504, afterEffect: true }],
    ['500 in words that mean something else', { status: 500, afterEffect: true, body: error('ErrorItemNotFound') }],
    ['a connection that is cut before', { drop: true }],
    ['a connection that is cut after', { drop: true, afterEffect: true }],
    ['success without a body', { status: 201, body: {}, afterEffect: true }],
  ] as const)('survives %s to a create, with the mailbox late to show it', async (_case, fault) => {
    await start(route, 30_000);
    const seen = failAt(CREATE, 2, fault);
    await copyUntilDone();
    expect(seen.fired).toBe(1);
    expect(subjects()).toEqual(SUBJECTS);
    expect(world.mailbox.seen()['INBOX']?.every((mail) => mail.endsWith('| false'))).toBe(true);
  });

  test('says how long it was asked to wait, to the millisecond', async () => {
    await start(route);
    failAt(CREATE, 1, { status: 429, headers: RETRY_AFTER, body: error('ApplicationThrottled') });
    await expect(world.copy()).rejects.toMatchObject({ code: 'THROTTLED', retryAfterMs: 2_128 });
    expect(subjects()).toEqual([]);
  });

  test('sits out what goes wrong after a message is there', async () => {
    await start(route);
    let refused = 0;
    const seen = world.mailbox.fault(({ name }) => {
      if (!/^(?:GET|PATCH) \S+\/messages\/\{id\}$/.test(name) || refused === 3) return null;
      refused += 1;
      return refused === 2 ? { status: 503 } : { status: 429, headers: RETRY_AFTER };
    });
    await world.copy();
    expect(seen.fired).toBe(3);
    expect(subjects()).toEqual(SUBJECTS);
  });

  test('T57: goes on when its token ends in the middle', async () => {
    await start(route);
    let met = 0;
    const seen = world.mailbox.fault(({ name }) => {
      met += CREATE.test(name) ? 1 : 0;
      if (met !== 2) return null;
      met += 1;
      world.mailbox.pass(120_000);
      world.mailbox.tenant.access.revokeTokens();
      return { status: 401, body: error('InvalidAuthenticationToken') };
    });
    const before = world.mailbox.tenant.access.given;
    expect(await world.copy()).toMatchObject({ copied: 4 });
    expect(seen.fired).toBe(1);
    expect(world.mailbox.tenant.access.given).toBe(before + 2);
    expect(subjects()).toEqual(SUBJECTS);
  });

  test.each([
    [413, 'RequestEntityTooLarge'],
    [400, 'ErrorMessageSizeExceeded'],
    [400, 'ErrorMimeContentInvalid'],
  ] as const)('passes over a message that is answered %i %s, and brings the others', async (status, code) => {
    await start(route);
    const seen = world.mailbox.fault(({ name, body }) => {
      const text = body.toString();
      const isThree = text.includes('"three"') || Buffer.from(text, 'base64').includes('Subject: three');
      return CREATE.test(name) && isThree ? { status, body: error(code) } : null;
    });
    expect(await world.copy()).toMatchObject({ refused: 1 });
    expect(seen.fired).toBeGreaterThan(0);
    expect(subjects()).toEqual(['one', 'twin', 'twin']);
  });

  test.each([
    ['a full mailbox', { status: 507, body: error('ErrorQuotaExceeded') }, 'QUOTA_EXCEEDED'],
    ['a right that was taken back', { status: 403, body: error('ErrorAccessDenied') }, 'CONSENT_REVOKED'],
    ['a licence that was removed', { status: 404, body: error('MailboxNotEnabledForRESTAPI') }, 'MAILBOX_MISSING'],
  ] as const)('stops at %s, and goes on where it was', async (_case, fault, code) => {
    await start(route);
    const seen = failAt(CREATE, 3, fault);
    await expect(world.copy()).rejects.toMatchObject({ code });
    expect(seen.fired).toBe(1);
    expect(subjects()).toHaveLength(2);
    await copyUntilDone();
    expect(subjects()).toEqual(SUBJECTS);
  });

  test('stops when consent is revoked in the middle, and goes on when it is given again', async () => {
    await start(route);
    const { tenant } = world.mailbox;
    let creates = 0;
    world.mailbox.fault(({ name }) => {
      creates += CREATE.test(name) ? 1 : 0;
      tenant.access.consented = creates < 3;
      return null;
    });
    await expect(world.copy()).rejects.toMatchObject({ code: 'CONSENT_REVOKED' });
    tenant.access.consented = true;
    world.mailbox.fault(() => null);
    await copyUntilDone();
    expect(subjects()).toEqual(SUBJECTS);
  });
});

describe('a tenant that takes no sender but the owner', () => {
  test('gets the message without it, and the report says so', async () => {
    await start('graph-json');
    const seen = world.mailbox.fault(({ name, body }) => {
      const fields = CREATE.test(name) ? (JSON.parse(body.toString()) as Record<string, unknown>) : {};
      return 'sender' in fields || 'from' in fields ? { status: 400, body: error('ErrorInvalidRecipients') } : null;
    });
    expect(await world.copy()).toMatchObject({ refused: 0 });
    expect(seen.fired).toBe(8);
    expect(subjects()).toEqual(SUBJECTS);
  });
});

describe('a tenant without importMime', () => {
  test('is not a reason to pass over every message', async () => {
    await start('import-mime');
    world.mailbox.tenant.graph.importMime = false;
    await expect(world.copy()).rejects.toMatchObject({ code: 'ROUTE_UNAVAILABLE' });
  });
});

describe('a message that one request does not hold', () => {
  const SIZE = 4_000_000;

  async function startLarge(sizeBytes = SIZE): Promise<void> {
    world = await newGraphWorld('graph-json', (source) => {
      source.addMessage(['INBOX'], mailWithFile('large', sizeBytes), ['\\Seen'], '2001-02-03T04:05:06Z');
    });
  }
  const staged = () => world.mailbox.account.findFolder([STAGING_NAME])?.messages.length ?? 0;

  test('is never seen before it is whole, and its hidden folder is empty then', async () => {
    await startLarge();
    let most = 0;
    world.mailbox.fault(() => {
      most = Math.max(most, staged());
      expect(subjects().length === 0 || staged() === 0).toBe(true);
      return null;
    });
    await world.copy();
    expect([most, staged()]).toEqual([1, 0]);
    expect(world.mailbox.seen()).toMatchObject({ INBOX: ['large | \\Seen | 2001-02-03T04:05:06.000Z | false'] });
    expect(world.mailbox.account.inbox.messages[0]?.sizeBytes).toBeGreaterThan(SIZE);
  });

  test('goes without a session where its attachment is too small for one', async () => {
    await startLarge(3_100_000);
    const { calls } = world.mailbox.fault(() => null);
    expect(await world.copy()).toMatchObject({ copied: 1, wrapped: 0 });
    expect(calls.filter((call) => /createUploadSession$|\/attachments$/.test(call))).toHaveLength(2);
    expect(subjects()).toEqual(['large']);
  });

  test.each([
    ['a range that is answered 503 after it was taken', /^PUT /, { status: 503, afterEffect: true }],
    ['a range that never came', /^PUT /, { drop: true }],
    ['a move whose answer is lost', /\/move$/, { status: 504, afterEffect: true }],
    ['a move that did not happen', /\/move$/, { status: 503 }],
  ] as const)('survives %s', async (_case, kind, fault) => {
    await startLarge();
    const seen = failAt(kind, 1, fault);
    await copyUntilDone();
    expect(seen.fired).toBe(1);
    expect(subjects()).toEqual(['large']);
    expect(staged()).toBe(0);
  });
});

function error(code: string): object {
  return { error: { code, message: `${code}, as a test has it.` } };
}
