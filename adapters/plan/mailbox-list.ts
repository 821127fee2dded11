import { ADD_ONS, type AddOn, type PlanFault, type PlannedMailbox } from '../../domain/plan.ts';
import { faultOfAddress, faultOfDisplayName } from '../../domain/provisioning/exchange-names.ts';
import { domainOf, isSecretRef, isWithin, readAddress, SECRET_FAULT } from './address.ts';
import { type CsvField, readCsv } from './csv.ts';
import { didYouMean } from './nearest-word.ts';
import type { PlanFrame } from './plan-checks.ts';

const COLUMNS = [
  'address',
  'displayName',
  'sourceUser',
  'sourceSecret',
  'targetUser',
  'targetSecret',
  'aliases',
  'lists',
  'addOns',
  'kind',
  'licence',
  'sendAs',
] as const;
type Column = (typeof COLUMNS)[number];

/** Header words, as people write them, without case, spaces and punctuation. */
const HEADERS: Readonly<Record<string, Column>> = {
  address: 'address',
  email: 'address',
  emailaddress: 'address',
  mail: 'address',
  mailbox: 'address',
  primaryaddress: 'address',
  displayname: 'displayName',
  name: 'displayName',
  fullname: 'displayName',
  sourceuser: 'sourceUser',
  sourceusername: 'sourceUser',
  sourcelogin: 'sourceUser',
  imapuser: 'sourceUser',
  sourcesecret: 'sourceSecret',
  sourcepassword: 'sourceSecret',
  targetuser: 'targetUser',
  targetusername: 'targetUser',
  targetlogin: 'targetUser',
  targetsecret: 'targetSecret',
  targetpassword: 'targetSecret',
  aliases: 'aliases',
  alias: 'aliases',
  lists: 'lists',
  list: 'lists',
  distributionlists: 'lists',
  groups: 'lists',
  addons: 'addOns',
  addon: 'addOns',
  kind: 'kind',
  type: 'kind',
  mailboxtype: 'kind',
  licence: 'licence',
  license: 'licence',
  sku: 'licence',
  sendas: 'sendAs',
};
const HEADER_WORDS = [
  'address',
  'display name',
  'source user',
  'source secret',
  'target user',
  'target secret',
  'aliases',
  'lists',
  'add-ons',
  'kind',
  'licence',
  'send as',
];

/** Reads and checks the mailbox list; faults are added to `faults`. `existing` are mailboxes that the plan has already. */
export function readMailboxList(
  text: string,
  file: string,
  frame: PlanFrame,
  existing: readonly PlannedMailbox[],
  faults: PlanFault[],
): PlannedMailbox[] {
  const { rows, faults: csvFaults } = readCsv(text);
  const fault = (at: { line: number; column: number }, message: string): void => {
    faults.push({ file, line: at.line, column: at.column, message });
  };
  for (const one of csvFaults) fault(one, one.message);
  const [header, ...body] = rows;
  if (header === undefined) {
    fault(
      { line: 1, column: 1 },
      `the list is empty; its first line has to name the columns, at least: address; source secret; target secret.`,
    );
    return [];
  }
  const columns = readHeader(header, fault);
  for (const needed of ['address', 'sourceSecret', 'targetSecret'] as const) {
    if (!columns.includes(needed))
      fault(header[0] ?? { line: 1, column: 1 }, `the column "${wordOf(needed)}" is missing.`);
  }
  if (body.length === 0) fault({ line: 1, column: 1 }, 'the list has no mailboxes.');

  const mailboxes: PlannedMailbox[] = [];
  const taken = new Map<string, string>();
  for (const mailbox of existing) {
    for (const address of [mailbox.address, ...mailbox.aliases])
      taken.set(address.toLowerCase(), 'a mailbox of the migration');
  }
  const listAddresses: { address: string; at: CsvField }[] = [];
  const senders: { address: string; mailbox: string; at: CsvField }[] = [];
  const targetUsers = new Map<string, string>(
    existing.map((one) => [one.targetUser.toLowerCase(), 'a mailbox of the migration']),
  );
  for (const row of body) {
    const cell = cellsOf(row, columns, fault);
    const mailbox = readRow(cell, row, frame, fault);
    if (mailbox === null) continue;
    const where = `line ${row[0]?.line ?? 0}`;
    for (const [address, at] of [
      [mailbox.address, cell('address')] as const,
      ...mailbox.aliases.map((alias) => [alias, cell('aliases')] as const),
    ]) {
      const other = taken.get(address.toLowerCase());
      if (other !== undefined) fault(at, `${address} is taken already, by ${other}.`);
      else taken.set(address.toLowerCase(), where);
    }
    const sharing = targetUsers.get(mailbox.targetUser.toLowerCase());
    if (sharing !== undefined && taken.get(mailbox.address.toLowerCase()) === where) {
      fault(
        columns.includes('targetUser') ? cell('targetUser') : cell('address'),
        `its target user is that of ${sharing}; two mailboxes cannot fill one.`,
      );
    }
    targetUsers.set(mailbox.targetUser.toLowerCase(), where);
    for (const list of mailbox.lists) listAddresses.push({ address: list, at: cell('lists') });
    for (const sender of mailbox.sendAs ?? []) {
      senders.push({ address: sender, mailbox: mailbox.address, at: cell('sendAs') });
    }
    mailboxes.push(mailbox);
  }
  for (const { address, at } of listAddresses) {
    const other = taken.get(address.toLowerCase());
    if (other !== undefined) fault(at, `the list ${address} has the address of a mailbox or alias, in ${other}.`);
  }
  const known = new Set([...existing, ...mailboxes].map(({ address }) => address.toLowerCase()));
  for (const { address, mailbox, at } of senders) {
    if (address.toLowerCase() === mailbox.toLowerCase()) fault(at, `${address} may send as itself anyway.`);
    else if (!known.has(address.toLowerCase()))
      fault(at, `${address}, who may send as this one, is no mailbox of the list.`);
  }
  return mailboxes;
}

type Fault = (at: { line: number; column: number }, message: string) => void;
type Cell = (column: Column) => CsvField;

function readHeader(header: readonly CsvField[], fault: Fault): (Column | null)[] {
  const seen = new Set<Column>();
  return header.map((field) => {
    const word = field.value.trim();
    if (word === '') return null;
    const column = HEADERS[word.toLowerCase().replace(/[^a-z]/g, '')];
    if (column === undefined) {
      fault(field, `the column "${word}" is not known.${didYouMean(word, HEADER_WORDS)}`);
      return null;
    }
    if (seen.has(column)) fault(field, `the column "${word}" is there twice.`);
    seen.add(column);
    return column;
  });
}

function cellsOf(row: readonly CsvField[], columns: readonly (Column | null)[], fault: Fault): Cell {
  const cells = new Map<Column, CsvField>();
  row.forEach((field, index) => {
    const column = columns[index];
    if (column) cells.set(column, { ...field, value: field.value.trim() });
    else if (column === undefined && field.value.trim() !== '') {
      fault(field, 'this line has more fields than the header; is a delimiter inside a field not quoted?');
    }
  });
  const first = row[0] ?? { line: 0, column: 1 };
  return (column) => cells.get(column) ?? { value: '', line: first.line, column: first.column };
}

function readRow(cell: Cell, row: readonly CsvField[], frame: PlanFrame, fault: Fault): PlannedMailbox | null {
  const address = readOwnAddress(cell('address'), 'address', frame, fault);
  const secrets = (['sourceSecret', 'targetSecret'] as const).map((column) => {
    const field = cell(column);
    if (field.value === '') fault(field.column === 1 ? (row[0] ?? field) : field, `the ${wordOf(column)} is missing.`);
    else if (!isSecretRef(field.value)) fault(field, `the ${wordOf(column)} ${SECRET_FAULT}`);
    return field.value;
  });
  const aliases = split(cell('aliases')).map((alias) => readOwnAddress(alias, 'alias', frame, fault));
  const lists = split(cell('lists')).map((list) => readOwnAddress(list, 'list', frame, fault));
  const addOns = split(cell('addOns')).map((field) => readAddOn(field, fault));
  const kind = readKind(cell('kind'), fault);
  const licence = readLicence(cell('licence'), kind, fault);
  const sendAs = split(cell('sendAs')).map((sender) => readOwnAddress(sender, 'sender', frame, fault));
  const displayFault = frame.ownDomainsOnly ? faultOfDisplayName(cell('displayName').value) : null;
  if (displayFault !== null) fault(cell('displayName'), `the display name ${displayFault}.`);
  if (address === null) return null;
  return {
    address,
    displayName: cell('displayName').value || address.slice(0, address.lastIndexOf('@')),
    sourceUser: cell('sourceUser').value || address,
    sourceSecret: secrets[0] ?? '',
    targetUser: cell('targetUser').value || address,
    targetSecret: secrets[1] ?? '',
    aliases: present(aliases),
    lists: [...new Set(present(lists))],
    addOns: [...new Set(present(addOns))],
    ...(kind === 'shared' && { kind }),
    ...(licence !== null && { licence }),
    ...(sendAs.length > 0 && { sendAs: [...new Set(present(sendAs))] }),
  };
}

function readOwnAddress(field: CsvField, what: string, frame: PlanFrame, fault: Fault): string | null {
  const address = readAddress(field.value);
  const unfit = frame.ownDomainsOnly ? faultOfAddress(field.value, what === 'address' ? 'sign-in' : 'further') : null;
  if (field.value === '') fault(field, `the ${what} is missing.`);
  else if (unfit !== null) fault(field, `the ${what} ${field.value} ${unfit}.`);
  else if (address === null) fault(field, `the ${what} is not a mail address.`);
  if (address === null || unfit !== null) return null;
  if (frame.ownDomainsOnly && frame.domains.length > 0 && !isWithin(domainOf(address), frame.domains)) {
    fault(field, `the ${what} ${address} lies in none of the client's domains (${frame.domains.join(', ')}).`);
  }
  return address;
}

function readAddOn(field: CsvField, fault: Fault): AddOn | null {
  const word = field.value.toLowerCase().replaceAll(/[\s_]+/g, '-');
  const found = ADD_ONS.find((addOn) => addOn === word);
  if (found === undefined) fault(field, `the add-on "${field.value}" is not known.${didYouMean(word, ADD_ONS)}`);
  return found ?? null;
}

function readKind(field: CsvField, fault: Fault): 'user' | 'shared' {
  const word = field.value.toLowerCase();
  if (word === '' || word === 'user') return 'user';
  if (word === 'shared') return 'shared';
  fault(field, `the kind "${field.value}" is not known; it is user or shared.${didYouMean(word, ['user', 'shared'])}`);
  return 'user';
}

/** A part number as the tenant lists it, e.g. `EXCHANGESTANDARD`. */
function readLicence(field: CsvField, kind: 'user' | 'shared', fault: Fault): string | null {
  const partNumber = field.value.toUpperCase();
  if (partNumber === '') return null;
  if (kind === 'shared') fault(field, 'a shared mailbox needs no licence; leave the field empty.');
  else if (/^[A-Z0-9_-]+$/.test(partNumber)) return partNumber;
  else fault(field, `the licence "${field.value}" is no part number, such as EXCHANGESTANDARD.`);
  return null;
}

/** Several values in one field stand apart by spaces, commas, semicolons, bars or line ends. */
function split(field: CsvField): CsvField[] {
  const separator = /[\s,;|]+/;
  return field.value
    .split(separator)
    .filter((value) => value !== '')
    .map((value) => ({ ...field, value }));
}

function present<T>(values: readonly (T | null)[]): T[] {
  return values.filter((value) => value !== null);
}

function wordOf(column: Column): string {
  return column.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
