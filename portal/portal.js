// The approval page. Everything that comes from the server is written as text, never as markup: names are strangers' words.

/** @typedef {{kind: 'gate' | 'acknowledgement', organisation: string, contact: string, title: string, text: string,
 *   state: 'open' | 'decided' | 'closed', digest: string | null, evidence: unknown,
 *   decisions: {verdict: string, party: string, decidedAt: string}[]}} Question */

const element = (id) => document.getElementById(id);
let token = '';
/** @type {Question | null} */
let question = null;
/** Of the organisation; the reader's own where the evidence names none. */
let timeZone;

const CHOICES = {
  gate: [
    { verdict: 'approve', label: 'I approve', said: 'You approve.' },
    { verdict: 'reject', label: 'I reject; something is wrong', said: 'You reject.' },
  ],
  acknowledgement: [{ verdict: 'acknowledge', label: 'I confirm this', said: 'You confirm this.' }],
};
const COMMENT_LENGTH = 10;

async function ask(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: { authorization: `Link ${token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
  } catch {
    throw new Error('The service cannot be reached. Please try again in a moment; nothing has been decided.');
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok)
    throw new Error(answer ? `${answer.detail} ${answer.remedy}` : `The service answered ${response.status}.`);
  return answer;
}

function say(text, bad = false) {
  const banner = element('banner');
  banner.textContent = text;
  banner.classList.toggle('bad', bad);
  banner.hidden = text === '';
}

/** Runs what a button does: the button rests meanwhile, an error becomes the banner. */
async function during(button, work) {
  button.disabled = true;
  say('');
  try {
    await work();
  } catch (error) {
    say(error.message, true);
  } finally {
    button.disabled = false;
  }
}

async function open() {
  const given = location.hash.slice(1);
  token = given === '' ? token : decodeURIComponent(given);
  element('token-form').hidden = token !== '';
  element('question').hidden = true;
  if (token === '') return;
  try {
    question = await ask('GET', '/v1/link');
    show(question);
  } catch (error) {
    say(error.message, true);
    element('token-form').hidden = false;
  }
}

function show(one) {
  element('organisation').textContent = one.organisation;
  document.title = `${one.title} – ${one.organisation}`;
  element('title').textContent = one.title;
  element('who').textContent = `For ${one.contact}`;
  element('text').textContent = one.text;
  element('evidence-section').hidden = one.evidence === null;
  timeZone = one.evidence?.cutover?.timeZone;
  element('evidence').replaceChildren(...(one.evidence === null ? [] : render(inOrder(one.evidence), 3)));
  element('digest').textContent = one.digest ?? '';
  element('choices').replaceChildren(...CHOICES[one.kind].map(choice));
  element('comment-hint').textContent = one.kind === 'gate' ? '(needed if you reject)' : '(if you like)';
  element('decision').hidden = one.state !== 'open';
  if (one.state === 'decided') say(`This has been decided. ${one.decisions.map(told).join(' ')}`);
  if (one.state === 'closed') say('This question is not open any more. Please use the link of the newest mail.', true);
  element('question').hidden = false;
  element('title').focus();
}

function told({ verdict, party, decidedAt }) {
  const words = { approve: 'approved', reject: 'rejected', acknowledge: 'confirmed' };
  const who = party === 'client' ? 'Your organisation' : 'The provider';
  return `${who} ${words[verdict]} on ${time(decidedAt)}.`;
}

function choice({ verdict, label }, _index, all) {
  const input = make('input', { type: 'radio', name: 'verdict', value: verdict, required: true });
  input.checked = all.length === 1;
  return make('label', {}, [input, make('span', { textContent: label })]);
}

function chosen() {
  const verdict = document.querySelector('input[name=verdict]:checked')?.value;
  return CHOICES[question.kind].find((one) => one.verdict === verdict);
}

element('choice-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const verdict = chosen()?.verdict;
  if (verdict === undefined) return say('Please choose first.', true);
  const comment = element('comment').value.trim();
  if (verdict === 'reject' && comment.length < COMMENT_LENGTH) {
    say('Please write a sentence about what is wrong, so that it can be mended.', true);
    return element('comment').focus();
  }
  during(element('send-code'), async () => {
    await sendCode();
    element('chosen').textContent = chosen().said;
    element('choice-form').hidden = true;
    element('code-form').hidden = false;
    element('code').focus();
  });
});

async function sendCode() {
  const { message } = await ask('POST', '/v1/link/challenge');
  say(message);
}

element('again').addEventListener('click', () => during(element('again'), sendCode));
element('back').addEventListener('click', () => {
  element('code-form').hidden = true;
  element('choice-form').hidden = false;
  say('');
});

element('code-form').addEventListener('submit', (event) => {
  event.preventDefault();
  during(element('confirm'), async () => {
    const { verdict } = await ask('POST', '/v1/link/decision', {
      verdict: chosen().verdict,
      comment: element('comment').value.trim(),
      digest: question.digest,
      code: element('code').value.trim(),
    });
    const words = { approve: 'approved', reject: 'rejected', acknowledge: 'confirmed' };
    element('decision').hidden = true;
    say(`Thank you. You ${words[verdict]} this; it is recorded. You can close this page.`);
  });
});

element('token-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const given = element('token').value.trim();
  location.hash = given.includes('#') ? given.slice(given.indexOf('#') + 1) : given;
});
window.addEventListener('hashchange', () => {
  say('');
  open();
});

// ------------------------------------------------------------------------------------------ evidence as readable tables

/** What the question is about comes first; what the page says anyway is left out. */
function inOrder(evidence) {
  if (!isMap(evidence)) return evidence;
  const { gate: _, client, cutover, ...rest } = evidence;
  const order = ['totals', 'mailboxes', 'issues', 'steps'];
  const first = order.filter((key) => key in rest).map((key) => [key, rest[key]]);
  const others = Object.entries(rest).filter(([key]) => !order.includes(key));
  return { ...Object.fromEntries([...first, ...others]), ...(cutover && { cutover }), ...(client && { client }) };
}

/** Any JSON: lists of like things become tables, maps become lists of terms, the rest is text. */
function render(value, level) {
  if (Array.isArray(value)) {
    if (value.length === 0) return [make('p', { className: 'quiet', textContent: 'None.' })];
    if (value.every(isMap) && value.some((row) => Object.values(row).some(isRows)))
      return value.map((row) => make('section', { className: 'one' }, render(row, level)));
    if (value.every(isMap)) return table(value);
    return [
      make(
        'ul',
        {},
        value.map((one) => make('li', {}, inline(one))),
      ),
    ];
  }
  if (!isMap(value)) return [make('p', { textContent: words(value) })];
  // An empty list of things gets its heading and `None.`, as a full one would.
  const isSection = ([, inner]) => isDeep(inner) || (level === 3 && Array.isArray(inner));
  const { shown, zeros } = withoutZeros(inKeyOrder(Object.keys(value)), [value]);
  const entries = shown.map((key) => [key, value[key]]);
  const plain = entries.filter((entry) => !isSection(entry));
  const deep = entries.filter(isSection);
  const terms = plain.flatMap(([key, inner]) => [
    make('dt', { textContent: wordsOf(key) }),
    make('dd', { textContent: words(inner) }),
  ]);
  return [
    ...(terms.length > 0 ? [make('dl', {}, terms)] : []),
    ...zeros,
    ...deep.flatMap(([key, inner]) => [
      make(`h${Math.min(level, 6)}`, { textContent: wordsOf(key) }),
      ...render(inner, level + 1),
    ]),
  ];
}

function table(rows) {
  // What was asked for stands beside what there is, and only where it is something else.
  const keys = inKeyOrder([...new Set(rows.flatMap((row) => Object.keys(row)))].filter((key) => key !== 'asked'));
  const { shown: columns, zeros } = withoutZeros(keys, rows);
  const isNumber = (column) => rows.every((row) => typeof (row[column] ?? 0) === 'number');
  const cell = (tag, column, content) =>
    make(tag, { className: isNumber(column) ? 'number' : '', ...(tag === 'th' && { scope: 'col' }) }, content);
  const head = make(
    'tr',
    {},
    columns.map((column) => cell('th', column, [wordsOf(column)])),
  );
  const body = rows.map((row) =>
    make(
      'tr',
      {},
      columns.map((column) => {
        const asked = askedBeside(row, column);
        const shown = asked.length > 0 ? [make('div', {}, [...inline(row[column]), ...asked])] : inline(row[column]);
        return labelled(cell('td', column, shown), column, asked.length > 0);
      }),
    ),
  );
  const whole = make('table', { className: columns.length > 6 ? 'wide' : '' }, [
    make('thead', {}, [head]),
    make('tbody', {}, body),
  ]);
  // A wide table scrolls by itself, also by keyboard; the page does not.
  return [make('div', { className: 'scroll', tabIndex: 0, role: 'region', ariaLabel: 'Table' }, [whole]), ...zeros];
}

/** Evidence comes with its keys in the order of the alphabet, which is nobody's order of reading. */
const READING_ORDER = [
  ...[
    'address',
    'name',
    'kind',
    'licences',
    'domain',
    'type',
    'wanted',
    'publication',
    'aliases',
    'addOns',
    'sendAs',
    'members',
    'differences',
    'missing',
  ],
  ...['source', 'copied', 'repaired', 'wrapped', 'alreadyThere', 'vanished', 'excluded', 'refused', 'lost', 'doubled'],
  ...[
    'server',
    'outcome',
    'records',
    'ttlSeconds',
    'soaSerial',
    'answers',
    'redirection',
    'probe',
    'arrivedAt',
    'absentAt',
  ],
];

function inKeyOrder(keys) {
  if (keys.some((key) => key === 'totals')) return keys; // the whole evidence has its order already
  const place = (key) => (READING_ORDER.indexOf(key) + 1 || READING_ORDER.length + 1) - 1;
  return keys.toSorted((one, other) => place(one) - place(other));
}

const OFTEN_ZERO = ['repaired', 'wrapped', 'alreadyThere', 'vanished', 'excluded', 'refused'];

/** Counts that are 0 in every row are told in one line instead of a column each. */
function withoutZeros(keys, rows) {
  const all = keys.filter((key) => OFTEN_ZERO.includes(key) && rows.every((row) => row[key] === 0));
  if (all.length < 2) return { shown: keys, zeros: [] };
  const names = all.map((key) => wordsOf(key).toLowerCase()).join(', ');
  return {
    shown: keys.filter((key) => !all.includes(key)),
    zeros: [make('p', { className: 'quiet', textContent: `0 everywhere: ${names}.` })],
  };
}

function isRows(value) {
  return Array.isArray(value) && value.length > 0 && value.every(isMap);
}

/** What the tenant says stands in the cell; what was asked for, under it, where that is something else. */
function askedBeside(row, column) {
  const wanted = askedFor(row, column);
  const isSame = wanted === undefined || wanted === null || sorted(wanted) === sorted(row[column]);
  return isSame ? [] : [make('p', { className: 'asked', textContent: `asked for: ${words(wanted)}` })];
}

function askedFor({ asked, licences }, column) {
  if (Array.isArray(asked)) return column === 'members' ? asked : undefined;
  if (!isMap(asked)) return undefined;
  if (column !== 'licences') return asked[column];
  return Array.isArray(licences) && licences.includes(asked.licence) ? licences : asked.licence;
}

function sorted(value) {
  return words(Array.isArray(value) ? value.toSorted() : value).toLowerCase();
}

/** On a narrow screen each row becomes a card, and a cell has to say what it is. */
function labelled(node, column, differs) {
  node.dataset.label = wordsOf(column);
  const isNamed = (column === 'differences' || column === 'missing') && node.textContent.trim().length > 1;
  node.classList.toggle('differs', differs || isNamed);
  return node;
}

function inline(value) {
  if (Array.isArray(value) && value.every((one) => !isDeep(one))) return [words(value)];
  if (isDeep(value)) return render(value, 6);
  return [words(value)];
}

function isMap(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDeep(value) {
  return (
    typeof value === 'object' &&
    value !== null &&
    !(Array.isArray(value) && value.every((one) => typeof one !== 'object'))
  );
}

function words(value) {
  if (value === null || value === undefined || value === '') return '–';
  if (value === true) return 'yes';
  if (value === false) return 'no';
  if (Array.isArray(value)) return value.map(words).join(', ') || '–';
  if (typeof value === 'string' && MOMENT.test(value)) return time(value);
  return typeof value === 'number' ? value.toLocaleString() : String(value);
}

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z$/;

function time(moment) {
  const style = { dateStyle: 'long', timeStyle: 'long' };
  try {
    return new Date(moment).toLocaleString(undefined, { ...style, timeZone });
  } catch {
    return new Date(moment).toLocaleString(undefined, style); // a zone that this browser does not know
  }
}

/** Those that a gate shows; docs/process.md has them all. */
const STEP_TITLES = {
  A3: 'The new mailboxes',
  A5: 'Add-ons',
  A6: 'Redirection of new mail',
  A7: 'DNS records',
  B1: 'First copy',
  C1: 'DNS records everywhere',
  C2: 'Switch-over',
  C3: 'Senders’ policy (SPF)',
  C5: 'Last copies',
};
const ABBREVIATIONS = { dns: 'DNS', mx: 'MX', spf: 'SPF', ttl: 'TTL', soa: 'SOA' };

function wordsOf(key) {
  if (Object.hasOwn(STEP_TITLES, key)) return `${STEP_TITLES[key]} (step ${key})`;
  const spaced = key.replaceAll(/([a-z])([A-Z])/g, '$1 $2').replaceAll(/[-_]/g, ' ');
  if (/^[A-D]\d$/.test(key)) return `Step ${key}`;
  const lower = spaced.toLowerCase().replaceAll(/\b[a-z]+\b/g, (word) => ABBREVIATIONS[word] ?? word);
  return lower.charAt(0).toUpperCase() + lower.slice(1);
}

function make(tag, properties, children = []) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key === 'role') node.setAttribute('role', value);
    else node[key] = value;
  }
  node.append(...children);
  return node;
}

open();
