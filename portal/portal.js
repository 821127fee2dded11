// The approval page. Everything that comes from the server is written as text, never as markup: names are strangers' words.

/** @typedef {{kind: 'gate' | 'acknowledgement', organisation: string, contact: string, title: string, text: string,
 *   state: 'open' | 'decided' | 'closed', digest: string | null, evidence: unknown,
 *   decisions: {verdict: string, party: string, decidedAt: string}[]}} Question */

const element = (id) => document.getElementById(id);
let token = '';
/** @type {Question | null} */
let question = null;

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
  element('evidence').replaceChildren(...(one.evidence === null ? [] : render(one.evidence, 3)));
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
  return `${who} ${words[verdict]} on ${new Date(decidedAt).toLocaleString()}.`;
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

/** Any JSON: lists of like things become tables, maps become lists of terms, the rest is text. */
function render(value, level) {
  if (Array.isArray(value)) {
    if (value.length === 0) return [make('p', { className: 'quiet', textContent: 'None.' })];
    if (value.every(isMap)) return [table(value)];
    return [
      make(
        'ul',
        {},
        value.map((one) => make('li', {}, inline(one))),
      ),
    ];
  }
  if (!isMap(value)) return [make('p', { textContent: words(value) })];
  const plain = Object.entries(value).filter(([, inner]) => !isDeep(inner));
  const deep = Object.entries(value).filter(([, inner]) => isDeep(inner));
  const terms = plain.flatMap(([key, inner]) => [
    make('dt', { textContent: wordsOf(key) }),
    make('dd', { textContent: words(inner) }),
  ]);
  return [
    ...(terms.length > 0 ? [make('dl', {}, terms)] : []),
    ...deep.flatMap(([key, inner]) => [
      make(`h${Math.min(level, 6)}`, { textContent: wordsOf(key) }),
      ...render(inner, level + 1),
    ]),
  ];
}

function table(rows) {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
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
      columns.map((column) => labelled(cell('td', column, inline(row[column])), column)),
    ),
  );
  const whole = make('table', {}, [make('thead', {}, [head]), make('tbody', {}, body)]);
  // A wide table scrolls by itself, also by keyboard; the page does not.
  return make('div', { className: 'scroll', tabIndex: 0, role: 'region', ariaLabel: 'Table' }, [whole]);
}

/** On a narrow screen each row becomes a card, and a cell has to say what it is. */
function labelled(node, column) {
  node.dataset.label = wordsOf(column);
  return node;
}

function inline(value) {
  if (Array.isArray(value) && value.every((one) => !isDeep(one))) return [value.map(words).join(', ')];
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
  return typeof value === 'number' ? value.toLocaleString() : String(value);
}

function wordsOf(key) {
  const spaced = key.replaceAll(/([a-z])([A-Z])/g, '$1 $2').replaceAll(/[-_]/g, ' ');
  return /^[A-D]\d$/.test(key) ? `Step ${key}` : spaced.charAt(0).toUpperCase() + spaced.slice(1).toLowerCase();
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
