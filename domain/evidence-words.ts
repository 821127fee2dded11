import type { StepId } from './steps.ts';

type Body = Readonly<Record<string, unknown>>;

/**
 * The stored evidence of a step in one line, for screens and reports; the whole of it is in the API's answer. What has another
 * shape than ours has today (older rows) is told field by field.
 */
export function describeEvidence(step: StepId, body: unknown): string {
  if (!isMap(body)) return words(body);
  return WORDS[step]?.(body) ?? fields(body);
}

const WORDS: Readonly<Partial<Record<StepId, (body: Body) => string | null>>> = {
  A1: ({ agreedBy, agreedAt }) => `agreed by ${words(agreedBy)} at ${words(agreedAt)}`,
  A2: ({ ok, failed }) =>
    `${count(ok, 'mailbox', 'mailboxes')} can be read${failed === 0 ? '' : `, ${words(failed)} cannot`}`,
  A3: accounts,
  A4: ({ at, timeZone }) => `${words(at)} (${words(timeZone)})`,
  A5: addOns,
  A6: mailFlow,
  A7: records,
  B1: transfer,
  B2: acknowledgement,
  B4: acknowledgement,
  C1: records,
  C2: (body) =>
    isMap(body['probe']) ? mailFlow(body) : `${words(body['pass'])} moved ${count(body['moved'], 'message')}`,
  C3: records,
  C4: acknowledgement,
  C5: ({ movedByFinalPasses, emptyInARow }) =>
    `final passes moved ${count(movedByFinalPasses, 'message')}, then ${words(emptyInARow)} in a row found nothing`,
  C6: acknowledgement,
  C7: ({ statement }) => (typeof statement === 'string' ? statement : null),
  D1: (body) => (typeof body['note'] === 'string' ? body['note'] : regressions(body)),
};

function accounts(body: Body): string {
  const mailboxes = maps(body['mailboxes']);
  const lists = maps(body['lists']);
  const aliases = mailboxes.flatMap((mailbox) => list(mailbox['aliases']));
  const differences = mailboxes.flatMap((mailbox) =>
    list(mailbox['differences']).map((what) => `${words(mailbox['address'])}: ${words(what)}`),
  );
  const missing = lists.flatMap((each) =>
    list(each['missing']).map((who) => `${words(who)} is not in ${words(each['address'])}`),
  );
  const refused = lists.flatMap((each) =>
    list(each['differences']).map((what) => `${words(each['address'])}: ${words(what)}`),
  );
  const wrong = [...differences, ...missing, ...refused];
  const found = `${count(mailboxes.length, 'mailbox', 'mailboxes')}, ${count(aliases.length, 'alias', 'aliases')}, ${count(lists.length, 'list')}`;
  return wrong.length === 0 ? `${found}, all as asked for` : `${found}; ${wrong.join('; ')}`;
}

function transfer(body: Body): string | null {
  const rows = body['preparation'];
  if (rows !== undefined) {
    const told = maps(rows).flatMap((each) =>
      list(each['told']).map((what) => `${words(each['address'])}: ${words(what)}`),
    );
    return `${count(maps(rows).length, 'mailbox', 'mailboxes')} made ready for the import${told.length === 0 ? '' : `; ${told.join('; ')}`}`;
  }
  const moved = `${words(body['pass'])} moved ${count(body['moved'], 'message')}`;
  const prepared = body['prepared'];
  if (!isMap(prepared)) return moved;
  const { raised, held, told } = prepared;
  const acting = told === 0 ? '' : `, ${words(told)} with forwarding, rules or blocked senders`;
  return `${moved}; size limits raised on ${count(raised, 'mailbox', 'mailboxes')}, retention held on ${words(held)}${acting}`;
}

function acknowledgement({ by, at }: Body): string | null {
  return by === undefined || at === undefined ? null : `acknowledged by ${words(by)} at ${words(at)}`;
}

function addOns(body: Body): string {
  const counts = new Map<string, number>();
  for (const mailbox of maps(body['mailboxes'])) {
    for (const name of list(mailbox['addOns'])) counts.set(words(name), (counts.get(words(name)) ?? 0) + 1);
  }
  return [...counts].map(([name, times]) => `${name} on ${count(times, 'mailbox', 'mailboxes')}`).join(', ') || 'none';
}

function mailFlow(body: Body): string | null {
  const probe = body['probe'];
  if (!isMap(probe)) return null;
  const ways = maps(body['redirection']).map(({ domain, smartHost, forwards }) => {
    if (smartHost !== null) return `${words(domain)} goes on to ${words(smartHost)}`;
    const isForwarded = typeof forwards === 'number' && forwards > 0;
    return isForwarded
      ? `${words(domain)}: ${count(forwards, 'mailbox forwards', 'mailboxes forward')} with a copy`
      : `${words(domain)} is delivered directly`;
  });
  const left = maps(body['redirection']).flatMap((each) => list(each['left']).map(words));
  const putBack = list(body['putBack']).length;
  if (putBack > 0) ways.push(`${count(putBack, 'setting')} of before put back`);
  const absent = probe['absentAt'] === null ? '' : ` and not at the ${words(probe['absentAt'])}`;
  const also = probe['alsoAt'] === undefined ? '' : ` and at the ${words(probe['alsoAt'])}`;
  return [...ways, ...left, `a probe message arrived at the ${words(probe['arrivedAt'])}${also}${absent}`].join('; ');
}

function records(body: Body): string {
  return maps(body['records']).map(recordLine).join('; ');
}

/** `example.test MX 0 mx.hosted.example on 2 servers` */
function recordLine(record: Body): string {
  const answers = maps(record['answers']).filter((answer) => answer['outcome'] === 'ok');
  const served = [...new Set(answers.map((answer) => list(answer['records']).map(words).join(', ')))];
  const servers = new Set(answers.map((answer) => `${words(answer['server'])} ${words(answer['address'])}`));
  return `${words(record['name'])} ${words(record['type'])} ${served.join(' or ') || 'nothing'} on ${count(servers.size, 'server')}`;
}

function regressions(body: Body): string | null {
  const found = maps(body['regressions']);
  return found.length === 0 ? null : `not as agreed any more: ${found.map(recordLine).join('; ')}`;
}

function fields(body: Body): string {
  return Object.entries(body)
    .map(([key, value]) => `${key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}: ${words(value)}`)
    .join('; ');
}

function words(value: unknown): string {
  if (value === null || value === undefined || value === '') return '–';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function count(value: unknown, one: string, many = `${one}s`): string {
  return `${words(value)} ${value === 1 ? one : many}`;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function maps(value: unknown): readonly Body[] {
  return list(value).filter(isMap);
}

function isMap(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
