import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { MigrationError } from '../../domain/errors.ts';
import { DEFAULT_POLICY, type Plan, type PlanFault } from '../../domain/plan.ts';
import { readMoreMailboxes, readPlan } from './read-plan.ts';

const example = (name: string): string => readFileSync(new URL(`../../docs/examples/${name}`, import.meta.url), 'utf8');
const planText = example('plan.yaml');
const mailboxesText = example('mailboxes.csv');

function read(plan: string, mailboxes = mailboxesText) {
  return readPlan({ planText: plan, planFile: 'plan.yaml', mailboxesText: mailboxes, mailboxesFile: 'mailboxes.csv' });
}

function faultsOf(run: () => unknown): readonly PlanFault[] {
  try {
    run();
  } catch (error) {
    if (error instanceof MigrationError && error.code === 'PLAN_INVALID') return error.faults;
    throw error;
  }
  return [];
}

/** Faults as `file:line:column message`, for the plan with one text replaced. */
function planFaults(from: string, to: string): string[] {
  expect(planText).toContain(from);
  return faultsOf(() => read(planText.replace(from, to))).map(show);
}

function listFaults(text: string): string[] {
  return faultsOf(() => read(planText, text)).map(show);
}

function show(fault: PlanFault): string {
  return `${fault.file}:${fault.line}:${fault.column} ${fault.message}`;
}

describe('a Gmail source', () => {
  test('has its policy of labels and its daily limit', () => {
    const { plan } = read(
      planText.replace(
        '  maxConnections: 8',
        '  labels: every-label\n  labelOrder: [Work, Work/Old]\n  dailyLimitMb: 1000',
      ),
    );
    expect(plan.source).toMatchObject({ labels: 'every-label', labelOrder: ['Work', 'Work/Old'], dailyLimitMb: 1_000 });
  });

  test.each([
    ['labels: both', 'source.labels must be one-folder or every-label'],
    ['labelOrder: Work', 'source.labelOrder must be a list of labels'],
    ['dailyLimitMb: 0', 'source.dailyLimitMb must be at least 1'],
    ['lables: one-folder', '"lables" is not known in source. Did you mean "labels"?'],
  ])('%s is refused', (field, message) => {
    expect(planFaults('  maxConnections: 8', `  ${field}`)).toEqual([expect.stringContaining(message)]);
  });
});

describe('deletions', () => {
  const dns = (path: string) => `dns:
  path: ${path}
  mx: [{ exchange: mx.hosting.example, preference: 0 }]
  filterMx: [{ exchange: mx.filter.example, preference: 0 }]
  autodiscover: autodiscover.hosting.example
  spfMechanism: include:spf.hosting.example

policy:`;
  const following = planText.replace('deletions: keep', 'deletions: follow');

  test('are kept unless the plan says otherwise', () => {
    expect(read(planText).plan.policy.deletions).toBe('keep');
    expect(read(following).plan.policy.deletions).toBe('follow');
    expect(read(following.replace('policy:', dns('third-party-filter'))).plan.policy.deletions).toBe('follow');
    expect(planFaults('deletions: keep', 'deletions: always')).toEqual([
      expect.stringContaining('policy.deletions must be keep or follow'),
    ]);
  });

  test('T72: cannot be followed where MX moves before the first transfer', () => {
    expect(faultsOf(() => read(following.replace('policy:', dns('direct')))).map(show)).toEqual([
      expect.stringMatching(/plan\.yaml:\d+:14 policy\.deletions is `follow`, but with dns\.path `direct` MX moves/),
    ]);
  });
});

describe('the example of docs/', () => {
  test('is read with its defaults filled in', () => {
    const { plan, mailboxes } = read(planText);
    expect(plan.source).toEqual({
      host: 'imap.example.org',
      port: 993,
      security: 'tls',
      allowInsecure: false,
      caFile: null,
      maxConnections: 8,
      labels: 'one-folder',
      labelOrder: [],
      dailyLimitMb: null,
    });
    expect(plan.dns).toBeNull();
    expect(plan.policy).toEqual({ ...DEFAULT_POLICY, quietMs: 604_800_000, deltaEveryMs: 86_400_000 });
    expect(mailboxes).toEqual([
      {
        address: 'anna@example.org',
        displayName: 'Müller, Anna',
        sourceUser: 'anna',
        sourceSecret: 'file:secrets/anna-old',
        targetUser: 'anna@example.org',
        targetSecret: 'file:secrets/anna-new',
        aliases: ['info@example.org', 'a.mueller@example.org'],
        lists: ['team@example.org'],
        addOns: [],
      },
      {
        address: 'bert@example.org',
        displayName: 'Bert Beispiel',
        sourceUser: 'bert@example.org',
        sourceSecret: 'env:BERT_OLD',
        targetUser: 'bert@example.org',
        targetSecret: 'env:BERT_NEW',
        aliases: [],
        lists: ['team@example.org'],
        addOns: [],
      },
    ]);
  });
});

describe('faults of plan.yaml', () => {
  test('an unknown key is named at its place with the word that was meant', () => {
    expect(planFaults('  maxConnections: 8', '  maxConections: 8')).toEqual([
      'plan.yaml:19:3 "maxConections" is not known in source. Did you mean "maxConnections"?',
    ]);
  });

  test('plain text is refused unless it is asked for in so many words', () => {
    expect(planFaults('security: tls', 'security: none')).toEqual([
      expect.stringMatching(/^plan\.yaml:18:13 source\.security is `none`: .*allowInsecure: true/),
    ]);
    expect(planFaults('security: tls', 'security: none\n  allowInsecure: true')).toEqual([]);
  });

  test('a fault that spans fields is told together with a plain one of the same map', () => {
    expect(planFaults('security: tls # or', 'security: none\n  port: imaps # or')).toHaveLength(2);
  });

  test('what is missing is named at the map that lacks it', () => {
    expect(planFaults('  host: imap.example.org\n', '')).toEqual(['plan.yaml:17:3 source.host is missing.']);
  });

  test('a contact inside a domain that moves is refused, for links and for codes', () => {
    expect(planFaults('ada@partner.example', 'ada@mail.example.org')).toEqual([
      expect.stringMatching(/^plan\.yaml:13:12 contacts\[0\]\.email lies in a domain that moves/),
    ]);
    expect(planFaults('ada.codes@elsewhere.example', 'ada@EXAMPLE.org')).toHaveLength(1);
  });

  test('durations, dates, time zones and enumerations are checked', () => {
    expect(planFaults('quiet: 7d', 'quiet: 7 days')).toEqual([
      'plan.yaml:33:10 policy.quiet must be a duration like 7d, 24h, 5m or 10s',
    ]);
    expect(planFaults('at: 2027-01-15T20:00:00+01:00', 'at: next Friday')).toHaveLength(1);
    expect(planFaults('Europe/Berlin', 'Europe/Berlyn')).toHaveLength(1);
    expect(planFaults('kind: imap', 'kind: exchange')).toEqual([
      expect.stringMatching(/^plan\.yaml:\d+:\d+ target.*must be imap, exchange-server or hosted-exchange/),
    ]);
  });

  test('an Exchange Server has EWS and IMAP, passwords, and no Graph', () => {
    const server = (more: string) => `target:
  kind: exchange-server
  imap: {host: mail.example${more.includes('xoauth2') ? ', auth: xoauth2' : ''}}
  ews: {url: 'https://mail.example/EWS/Exchange.asmx', user: svc, secret: 'env:X'}
${more.includes('routes') ? more : ''}`;
    const textOf = (more: string) => planText.replace(/target:[\s\S]*?(?=cutover:)/, server(more));
    expect(read(textOf('')).plan.target).toMatchObject({ kind: 'exchange-server', routes: ['ews', 'imap'] });
    expect(faultsOf(() => read(textOf('  routes: [imap, graph-json]\n'))).map(show)).toEqual([
      expect.stringMatching(/target\.routes must be of ews, imap/),
    ]);
    expect(faultsOf(() => read(textOf('xoauth2'))).map(show)).toEqual([
      expect.stringMatching(/target\.imap\.auth must be password/),
    ]);
  });

  test('a secret in place of a reference is named and not repeated', () => {
    const hosted = `target:
  kind: hosted-exchange
  imap: {host: a.example}
  graph: {baseUrl: 'https://g.example', tenantId: t, clientId: c, clientSecret: hunter2, tokenUrl: 'https://t.example'}
  exchangeAdmin: {baseUrl: 'https://g.example', tenantId: t, clientId: c, clientSecret: 'env:X', tokenUrl: 'https://t.example'}
  smtp: {host: smtp.example}
  redirectTo: {host: old.example}
dns:
  mx: [{exchange: mx.example, preference: 0}]
  autodiscover: auto.example
  spfMechanism: include:spf.example
`;
    const text = planText.replace(/target:[\s\S]*?(?=cutover:)/, hosted);
    const faults = faultsOf(() => read(text));
    expect(faults.map(show)).toEqual([
      expect.stringMatching(/^plan\.yaml:\d+:\d+ target\.graph\.clientSecret must be a reference/),
    ]);
    expect(JSON.stringify(faults)).not.toContain('hunter2');
  });

  test('broken YAML is a fault with its place, not a crash', () => {
    expect(planFaults('name: Example Organisation', 'name: [')[0]).toMatch(/^plan\.yaml:\d+:\d+ YAML: /);
    expect(faultsOf(() => read(''))).not.toEqual([]);
    expect(planFaults('  id: example-org', '  id: example-org\n  id: other')[0]).toMatch(/YAML: .*unique/);
  });

  test('faults of both files are told at once, those of the plan first', () => {
    const faults = faultsOf(() => read(planText.replace('  - example.org', '  - "no domain"'), 'address\nx'));
    expect(new Set(faults.map((fault) => fault.file))).toEqual(new Set(['plan.yaml', 'mailboxes.csv']));
    expect(faults[0]?.file).toBe('plan.yaml');
  });
});

describe('the mailbox list', () => {
  const header = 'address,source secret,target secret,aliases\n';

  test.each([
    [';', '\r\n'],
    [',', '\n'],
    ['\t', '\r\n'],
  ])('is read with %j as delimiter and %j as line end', (delimiter, end) => {
    const text = mailboxesText
      .replaceAll(', a.mueller', '\u0001 a.mueller')
      .replaceAll('Müller,', 'Müller\u0001')
      .replaceAll(';', delimiter)
      .replaceAll('\u0001', ',')
      .replaceAll('\r\n', end);
    expect(read(planText, text).mailboxes).toEqual(read(planText).mailboxes);
  });

  test('quotes may hold delimiters, quotes and line ends, and places stay right after them', () => {
    const text = `"address","display name","source secret","target secret"\r\na@example.org,"The ""A"",\r\nof course",env:A,env:B\r\nnobody,,env:A,env:B\r\n`;
    expect(listFaults(text)).toEqual(['mailboxes.csv:4:1 the address is not a mail address.']);
    const later = text.replace('course",env:A', 'course",oops').replace('nobody', 'b@example.org');
    expect(listFaults(later)[0]).toMatch(/^mailboxes\.csv:3:12 the source secret/);
    expect(read(planText, text.replace('nobody', 'b@example.org')).mailboxes[0]?.displayName).toBe(
      'The "A",\r\nof course',
    );
  });

  test('an address or alias that two lines claim is named at the second', () => {
    const text = `${header}a@example.org,env:A,env:B,x@example.org\nA@Example.org,env:A,env:B,\nc@example.org,env:A,env:B,x@example.org\n`;
    expect(listFaults(text)).toEqual([
      'mailboxes.csv:3:1 A@example.org is taken already, by line 2.',
      'mailboxes.csv:4:27 x@example.org is taken already, by line 2.',
    ]);
  });

  test('a password in place of a reference is named and not repeated', () => {
    const text = `${header}a@example.org,S3cr3t!,env:B,\n`;
    expect(listFaults(text)[0]).toMatch(/^mailboxes\.csv:2:15 the source secret must be a reference/);
    expect(listFaults(text).join()).not.toContain('S3cr3t');
  });

  test('an unknown column is named with the word that was meant, a missing one too', () => {
    expect(listFaults('adress,source secret,target secret\n')).toEqual(
      expect.arrayContaining([
        'mailboxes.csv:1:1 the column "adress" is not known. Did you mean "address"?',
        'mailboxes.csv:1:1 the column "address" is missing.',
      ]),
    );
  });

  test('an open quote is a fault at the field where it opens', () => {
    expect(listFaults(`${header}a@example.org,"env:A,env:B,\n`)).toContainEqual(
      expect.stringMatching(/^mailboxes\.csv:2:15 this quoted field/),
    );
  });

  test('mailboxes that join are held against those that are there', () => {
    const { plan, mailboxes } = read(planText);
    const join = (text: string) =>
      readMoreMailboxes({ mailboxesText: text, mailboxesFile: 'more.csv' }, plan, mailboxes);
    expect(join(`${header}c@example.org,env:A,env:B,\n`)).toHaveLength(1);
    expect(faultsOf(() => join(`${header}c@example.org,env:A,env:B,INFO@example.org\n`))).toHaveLength(1);
  });
});

describe('what Exchange makes of the mailbox list', () => {
  const header = 'address;display name;source secret;target secret;aliases;lists;kind;licence;send as';
  const access = {
    baseUrl: 'https://x',
    tenantId: 't',
    clientId: 'c',
    clientSecret: 'env:S',
    tokenUrl: 'https://x',
    caFile: null,
  };
  const smtp = { host: 'x', port: 25 };
  const { plan } = read(planText);
  const target: Plan['target'] = {
    kind: 'hosted-exchange',
    imap: plan.target.imap,
    graph: access,
    exchangeAdmin: access,
    smtp,
    redirectTo: smtp,
  };
  const hosted = (...rows: string[]) =>
    readMoreMailboxes(
      { mailboxesText: [header, ...rows].join('\n'), mailboxesFile: 'mailboxes.csv' },
      { ...plan, target },
      [],
    );

  test('kinds, licences and senders are read; without them nothing is said', () => {
    const mailboxes = hosted(
      'anna@example.org;;env:A;env:B;;;user;exchangestandard;',
      'info@example.org;Info;env:A;env:B;;;Shared;;anna@example.org, bert@example.org',
      'bert@example.org;;env:A;env:B;;;;;',
    );
    expect(mailboxes[0]).toMatchObject({ licence: 'EXCHANGESTANDARD' });
    expect(mailboxes[1]).toMatchObject({ kind: 'shared', sendAs: ['anna@example.org', 'bert@example.org'] });
    expect(Object.keys(mailboxes[2] ?? {})).toEqual(expect.not.arrayContaining(['kind', 'licence', 'sendAs']));
  });

  test.each([
    ['a user name with &', 'a&b@example.org;;env:A;env:B;;;;;', '2:1 the address a&b@example.org holds `&`'],
    ['letters outside ASCII', 'änna@example.org;;env:A;env:B;;;;;', '2:1 the address änna@example.org has letters'],
    ['a system mailbox', 'HealthMailbox1@example.org;;env:A;env:B;;;;;', "Exchange's own system mailboxes"],
    [
      'two dots',
      'anna@example.org;;env:A;env:B;an..na@example.org;;;;',
      '2:31 the alias an..na@example.org has two dots',
    ],
    ['an unknown kind', 'anna@example.org;;env:A;env:B;;;room;;', 'the kind "room" is not known'],
    ['a licence for nobody', 'info@example.org;;env:A;env:B;;;shared;EXCHANGESTANDARD;', 'needs no licence'],
    ['a licence by its sales name', 'anna@example.org;;env:A;env:B;;;;Office 365 E3;', 'is no part number'],
    ['a sender who is nobody', 'anna@example.org;;env:A;env:B;;;;;bert@example.org', 'is no mailbox of the list'],
    ['a sender who is itself', 'anna@example.org;;env:A;env:B;;;;;Anna@example.org', 'may send as itself anyway'],
    ['a list with its own alias', 'anna@example.org;;env:A;env:B;x@example.org;x@example.org;;;', 'has the address of'],
    ['an alias twice', 'anna@example.org;;env:A;env:B;x@example.org, X@example.org;;;;', 'is taken already, by line 2'],
    ['a long name', `anna@example.org;${'x'.repeat(257)};env:A;env:B;;;;;`, 'the display name has 257 characters'],
  ])('%s is a fault at its place', (_case, row, message) => {
    expect(faultsOf(() => hosted(row)).map(show)).toEqual([expect.stringContaining(message)]);
  });
});
