import { describe, expect, test } from 'vitest';
import { MemoryMailSystem } from '../adapters/memory/mail.ts';
import { memoryProbe } from '../adapters/memory/route-probe.ts';
import { MigrationError } from './errors.ts';
import type { MailTarget, TargetMessage } from './ports/mail.ts';
import { PROBE_FOLDER_PREFIX, type ProbeSession } from './ports/route-probe.ts';
import { probeRoutes } from './probe-route.ts';
import { type MailboxRoutes, mustProbe, type Route, type RouteVerdict, routesInUse, settleRoute } from './routes.ts';

const NOW = Date.parse('2026-11-26T05:00:00Z');
const signal = new AbortController().signal;

function probe(
  open: Partial<Record<Route, () => ProbeSession>>,
  pause = async () => {},
): Promise<readonly RouteVerdict[]> {
  return probeRoutes({
    routes: Object.keys(open) as Route[],
    open: async (route) => {
      const found = open[route];
      if (found === undefined) throw new Error('not asked for');
      return found();
    },
    mark: 'abc',
    now: () => NOW,
    pause,
    signal,
  });
}

/** A session whose reading shows something else than what is there. */
function showing(session: ProbeSession, change: (message: TargetMessage) => TargetMessage[]): ProbeSession {
  const { target } = session;
  const list = target.listMessages.bind(target);
  const listMessages: MailTarget['listMessages'] = async function* (...args) {
    for await (const message of list(...args)) yield* change(message);
  };
  Object.defineProperty(target, 'listMessages', { value: listMessages });
  return session;
}

const only = async (session: ProbeSession) => {
  const [verdict] = await probe({ imap: () => session });
  if (verdict === undefined) throw new Error('no verdict');
  return verdict;
};

describe('a route', () => {
  test('that keeps all is usable, tells its fidelity, and nothing of the probe stays behind', async () => {
    const system = new MemoryMailSystem();
    const verdict = await only(memoryProbe(system));
    expect(verdict).toEqual({
      route: 'imap',
      usable: true,
      fidelity: 'bytes',
      findings: [],
      probedAt: '2026-11-26T05:00:00.000Z',
      keepsSignatures: true,
      agreesWith: [],
    });
    expect(system.folders.map(({ path }) => path.join('/'))).toEqual(['INBOX']);
  });

  test('that writes messages anew keeps their content, and says which fields are gone', async () => {
    const verdict = await only(memoryProbe(new MemoryMailSystem({ fidelity: 'content' })));
    expect(verdict).toMatchObject({ usable: true, fidelity: 'content', keepsSignatures: true });
    expect(verdict.findings).toContain('ordinary message: header fields that are gone: message-id');
  });

  test('that takes messages apart keeps their parts and breaks signatures', async () => {
    const flat = showing(memoryProbe(new MemoryMailSystem()), (message) => [{ ...message, raw: flatten(message.raw) }]);
    const verdict = await only(flat);
    expect(verdict).toMatchObject({ usable: true, fidelity: 'parts', keepsSignatures: false });
    expect(verdict.findings.join()).toContain('the signature is broken');
  });

  test.each<[string, (message: TargetMessage) => TargetMessage[], string]>([
    [
      'dates it when it came',
      (one) => [{ ...one, internalDate: '2026-11-26T05:00:00Z' }],
      'received date: asked for 2011-',
    ],
    ['does not tell a date', (one) => [{ ...one, internalDate: null }], 'found none'],
    [
      'makes it unread',
      (one) => [{ ...one, flags: one.flags.filter((flag) => flag !== '\\Seen') }],
      'flags: asked for',
    ],
    ['makes it read', (one) => [{ ...one, flags: [...one.flags, '\\Seen'] }], 'signed message: flags: asked for none'],
    ['loses the answer', (one) => [{ ...one, flags: one.flags.filter((flag) => flag !== '\\Answered') }], 'flags:'],
    ['makes a draft', (one) => [{ ...one, flags: [...one.flags, '\\Draft'] }], 'it is a draft'],
    ['loses one', (one) => (one.flags.length === 0 ? [] : [one]), '2 messages were written and 1 are there'],
    ['doubles one', (one) => [one, { ...one, uid: one.uid + 100 }], '2 messages were written and 4 are there'],
    ['gives other numbers', (one) => [{ ...one, uid: one.uid + 7 }], 'it told UID'],
    ['keeps the header only', (one) => [{ ...one, raw: Buffer.from('Subject: x\r\n\r\n') }], 'not what they were'],
  ])('that %s is not usable, and says so', async (_what, change, finding) => {
    const verdict = await only(showing(memoryProbe(new MemoryMailSystem()), change));
    expect(verdict.usable).toBe(false);
    expect(verdict.findings.join('\n')).toContain(finding);
  });

  test('whose property says draft is not usable, though its flags do not', async () => {
    const verdict = await only(memoryProbe(new MemoryMailSystem(), true));
    expect(verdict).toMatchObject({ usable: false });
    expect(verdict.findings[0]).toContain('it is a draft, and nothing changes that later');
  });

  test('whose copies are not found by their keys is not usable', async () => {
    const session = memoryProbe(new MemoryMailSystem({ keys: true }));
    expect(await only(session)).toMatchObject({ usable: true });
    const other = memoryProbe(new MemoryMailSystem({ keys: true }));
    Object.defineProperty(other.target, 'keys', { value: { find: async function* () {} } });
    expect((await only(other)).findings).toContain('messages are not found again by the key that they were given');
  });

  test('whose look lags behind is looked at again, within the time that it names', async () => {
    let now = 0;
    const pauses: number[] = [];
    const system = new MemoryMailSystem({ visibleAfterMs: 5_000, clock: () => now });
    const verdicts = await probe({ imap: () => memoryProbe(system) }, async (ms?: number) => {
      pauses.push(ms ?? 0);
      now += ms ?? 0;
    });
    expect(verdicts).toMatchObject([{ usable: true }]);
    expect(pauses).toEqual([1_000, 1_000, 1_000, 1_000, 1_000]);
  });
});

describe('a probe', () => {
  test('removes what a dead one left, and nothing else', async () => {
    const system = new MemoryMailSystem();
    system.addFolder([`${PROBE_FOLDER_PREFIX}dead imap`]);
    system.addFolder(['Mailferry']);
    await only(memoryProbe(system));
    expect(system.folders.map(({ path }) => path.join('/'))).toEqual(['INBOX', 'Mailferry']);
  });

  test('removes its folder when the route fails in the middle', async () => {
    const system = new MemoryMailSystem();
    system.before = (operation) => {
      if (operation === 'listMessages') throw new MigrationError('MESSAGE_REFUSED', 'cannot be read');
    };
    expect(await only(memoryProbe(system))).toMatchObject({
      usable: false,
      findings: ['MESSAGE_REFUSED: cannot be read', expect.any(String)],
    });
    expect(system.folders.map(({ path }) => path.join('/'))).toEqual(['INBOX']);
  });

  test('the best usable route is chosen, and each of the others has its reason', async () => {
    const drafts = memoryProbe(new MemoryMailSystem({ route: 'import-mime' }), true);
    const found = await probe({
      ews: () => {
        throw new MigrationError('ROUTE_UNAVAILABLE', 'EWS is off');
      },
      'import-mime': () => drafts,
      imap: () => memoryProbe(new MemoryMailSystem()),
    });
    expect(settleRoute(found, null, [])).toBe('imap');
    expect(found.map(({ route, usable }) => [route, usable])).toEqual([
      ['ews', false],
      ['import-mime', false],
      ['imap', true],
    ]);
    expect(found[0]?.findings[0]).toBe('ROUTE_UNAVAILABLE: EWS is off');
  });

  test('routes that see one mailbox say whether their numbers agree', async () => {
    const system = new MemoryMailSystem();
    const alike = await probe({ imap: () => memoryProbe(system), 'graph-json': () => memoryProbe(system) });
    expect(alike.map(({ findings }) => findings)).toEqual([
      ['graph-json shows the same UIDs'],
      ['imap shows the same UIDs'],
    ]);
    const shifted = () => showing(memoryProbe(system), (one) => [{ ...one, uid: one.uid + 7 }]);
    const unlike = await probe({ imap: () => memoryProbe(system), 'graph-json': shifted });
    expect(unlike[0]).toMatchObject({
      usable: true,
      findings: ['graph-json shows other UIDs'],
    });
  });

  test('a route that is busy now is no verdict: it is tried again soon, or at once where there is no other', async () => {
    const busy = () => {
      throw new MigrationError('THROTTLED', 'slow down', { retryAfterMs: 60_000 });
    };
    const found = await probe({ 'graph-json': busy, imap: () => memoryProbe(new MemoryMailSystem()) });
    expect(found).toMatchObject([{ usable: false, tried: false }, { usable: true }]);
    const routes: Route[] = ['graph-json', 'imap'];
    const known = knownOf(found);
    expect(mustProbe(known, routes, NOW + 60_000)).toBe(false);
    expect(mustProbe(known, routes, NOW + 3_600_000)).toBe(true);
    await expect(probe({ 'graph-json': busy })).rejects.toMatchObject({ code: 'THROTTLED', retryAfterMs: 60_000 });
  });

  test('is needed again after a week, a doubt, or another order in the plan', async () => {
    const found = knownOf(await probe({ imap: () => memoryProbe(new MemoryMailSystem()) }));
    const week = 7 * 86_400_000;
    expect(mustProbe(null, ['imap'], NOW)).toBe(true);
    expect(mustProbe(found, ['imap'], NOW + week - 1)).toBe(false);
    expect(mustProbe(found, ['imap'], NOW + week)).toBe(true);
    expect(mustProbe(found, ['imap', 'graph-json'], NOW)).toBe(true);
    expect(mustProbe({ ...found, doubt: 'THROTTLED' }, ['imap'], NOW)).toBe(true);
  });
});

describe('the route that is chosen', () => {
  const verdict = (route: Route, usable: boolean, agreesWith: Route[] = []): RouteVerdict => {
    return { route, usable, fidelity: 'bytes', findings: [], probedAt: new Date(NOW).toISOString(), agreesWith };
  };

  test('stays while it is usable, since the UIDs of the ledger are its, and changes when it is not', () => {
    const allowed: Route[] = ['ews', 'imap', 'graph-json'];
    const before = knownOf([verdict('ews', false), verdict('imap', true), verdict('graph-json', true)]);
    expect(before.chosen).toBe('imap');
    const better = [verdict('ews', true), verdict('imap', true), verdict('graph-json', true)];
    expect(settleRoute(better, before, allowed)).toBe('imap');
    const worse = [verdict('ews', false), verdict('imap', false), verdict('graph-json', true)];
    expect(settleRoute(worse, before, allowed)).toBe('graph-json');
    expect(settleRoute([verdict('imap', false)], before, allowed)).toBeNull();
  });

  test('is the best one when the plan names another order', () => {
    const before = knownOf([verdict('imap', true), verdict('ews', true)]);
    expect(settleRoute([verdict('ews', true), verdict('imap', true)], before, ['ews', 'imap'])).toBe('ews');
  });

  test('is helped by those only that show the same UIDs', () => {
    const routes = [verdict('imap', true, ['graph-json']), verdict('import-mime', true), verdict('graph-json', true)];
    expect(routesInUse(knownOf(routes)).map(({ route }) => route)).toEqual(['imap', 'graph-json']);
    const unlike = [verdict('imap', true), verdict('graph-json', true)];
    expect(routesInUse(knownOf(unlike)).map(({ route }) => route)).toEqual(['imap']);
    expect(routesInUse(knownOf([verdict('imap', false)]))).toEqual([]);
  });
});

function knownOf(verdicts: readonly RouteVerdict[]): MailboxRoutes {
  const chosen = settleRoute(verdicts, null, []);
  return { verdicts, chosen, probedAt: new Date(NOW).toISOString(), doubt: null };
}

/** One text and the attachments, as a JSON message has them. */
function flatten(raw: Buffer): Buffer {
  const text = raw.includes('Signed text') ? 'Signed text, with blanks at its end  and an ending that is soft.' : null;
  if (text !== null) return Buffer.from(`Subject: Mailferry probe, signed - may be removed\r\n\r\n${text}\r\n`);
  const attachment = /AAECAw[\s\S]*?(?=\r\n--)/.exec(raw.toString('latin1'))?.[0];
  return Buffer.from(
    [
      'Subject: flat',
      'Content-Type: multipart/mixed; boundary=x',
      '',
      '--x',
      'Content-Type: text/html; charset=utf-8',
      '',
      '<p>Grüße, 8-bit: äöü € 漢字.<br>.a line that begins with a dot<br>From here on nothing is special.</p>',
      '--x',
      'Content-Type: application/octet-stream',
      'Content-Transfer-Encoding: base64',
      '',
      attachment,
      '--x--',
      '',
    ].join('\r\n'),
  );
}
