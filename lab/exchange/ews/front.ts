import type { Element } from '@xmldom/xmldom';
import type { Outgoing } from '../flow/outgoing.ts';
import type { Front, HttpAnswer, HttpCall } from '../front.ts';
import type { Items } from '../mail/items.ts';
import type { PolicyPlaces } from '../mail/policy-places.ts';
import type { ReadReceipts } from '../mail/read-receipts.ts';
import type { SpecialFolder } from '../mail/special-folders.ts';
import { Refusal } from '../refusal.ts';
import { deleteItem, updateItem } from './change-items.ts';
import { createItem } from './create-item.ts';
import { createFolder, deleteFolder, findFolder, getFolder } from './folders.ts';
import { EwsMailbox } from './mailbox.ts';
import { findItem, getItem } from './read-items.ts';
import { EwsError, schemaFault, soapFault, XML_TYPE } from './refusal.ts';
import { type EwsRequest, type Part, responseXml } from './request.ts';
import { type Caller, type Directory, mailboxFor, signIn } from './sign-in.ts';
import { childElements, childNamed, NAMESPACES, parseXml, textOf, xml } from './xml.ts';

export interface EwsFrontOptions extends Directory {
  readonly items: Items;
  readonly places: PolicyPlaces;
  readonly outgoing: Outgoing;
  readonly receipts: ReadReceipts;
  readonly folderNames: Readonly<Record<SpecialFolder, string>>;
  readonly now: () => number;
}

interface Operation {
  readonly parts: (request: EwsRequest) => Part[];
  /** What an answer holds where there is nothing. */
  readonly empty: string;
}

const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ['CreateItem', { parts: createItem, empty: '<m:Items />' }],
  ['GetItem', { parts: getItem, empty: '<m:Items />' }],
  ['FindItem', { parts: findItem, empty: '' }],
  ['UpdateItem', { parts: updateItem, empty: '<m:Items />' }],
  ['DeleteItem', { parts: deleteItem, empty: '' }],
  ['GetFolder', { parts: getFolder, empty: '<m:Folders />' }],
  ['FindFolder', { parts: findFolder, empty: '' }],
  ['CreateFolder', { parts: createFolder, empty: '<m:Folders />' }],
  ['DeleteFolder', { parts: deleteFolder, empty: '' }],
]);

/** ExchangeVersionType, up to what Exchange 2019 and SE still name in it. */
const VERSIONS =
  /^(Exchange2007(_SP1)?|Exchange2010(_SP[12])?|Exchange2013(_SP1)?|Exchange2015|Exchange2016|V2015_10_05|V2016_\d\d_\d\d|V2017_\d\d_\d\d)$/;
const SERVER_VERSION = xml('h:ServerVersionInfo', {
  'xmlns:h': NAMESPACES.t,
  MajorVersion: 15,
  MinorVersion: 2,
  MajorBuildNumber: 1544,
  MinorBuildNumber: 4,
  Version: 'V2017_07_11',
});

/** `POST /EWS/Exchange.asmx`: SOAP 1.1 (exchange.md §4). */
export function ewsFront(options: EwsFrontOptions): Front {
  const { settings, items, outgoing, receipts, now } = options;
  const open = new Map<string, number>();
  const answer = (call: HttpCall, caller: Caller): HttpAnswer => {
    const { operation, header } = envelopeOf(call.body);
    const version = childNamed(header, 'RequestServerVersion')?.getAttribute('Version') ?? 'Exchange2007';
    if (!VERSIONS.test(version)) throw soapFault(new EwsError('ErrorInvalidServerVersion'));
    const account = mailboxFor(caller, impersonatedIn(header), options);
    const name = operation.localName ?? '';
    const known = OPERATIONS.get(name);
    if (known === undefined || operation.namespaceURI !== NAMESPACES.m) {
      throw schemaFault(
        `The element 'Body' has invalid child element '${name}' in namespace '${operation.namespaceURI}'.`,
      );
    }
    const mailbox = new EwsMailbox(account, items, options.folderNames, options.places.of(account));
    const parts = asFault(() =>
      known.parts({ name, element: operation, mailbox, settings, outgoing, receipts, nowMs: now() }),
    );
    return { status: 200, headers: XML_TYPE, body: envelopeXml(responseXml(name, parts, known.empty)) };
  };
  return {
    takes: ({ path }) => path.toLowerCase() === '/ews/exchange.asmx',
    get maxBodyBytes() {
      return settings.maxRequestBytes;
    },
    // What IIS says of a request over maxAllowedContentLength, before EWS sees it (exchange.md §4.2).
    tooLarge: { status: 413, body: 'The page was not displayed because the request entity is too large.' },
    nameOf: ({ method, path, body }) => operationName(body) ?? `${method} ${path}`,
    async answer(call) {
      if (call.method !== 'POST') throw new Refusal(405, '', { allow: 'POST' });
      const caller = signIn(call, options);
      refuseWhereOff(caller, options);
      const already = open.get(caller.principal) ?? 0;
      if (already >= settings.maxConcurrency) throw soapFault(new EwsError('ErrorExceededConnectionCount'));
      open.set(caller.principal, already + 1);
      try {
        if (settings.gate !== null) await settings.gate;
        return answer(call, caller);
      } finally {
        open.set(caller.principal, (open.get(caller.principal) ?? 1) - 1);
      }
    },
  };
}

/** @throws Refusal (exchange.md §4.1) */
function refuseWhereOff({ application }: Caller, { settings }: EwsFrontOptions): void {
  const { off, allowedAppIds } = settings;
  const listed = application === null || allowedAppIds === null || allowedAppIds.includes(application.clientId);
  if (off === 'access-denied') throw soapFault(new EwsError('ErrorAccessDenied'));
  if (off === 'forbidden' || !listed) throw new Refusal(403, '', { 'x-ews-policy-reason': 'EwsDisabled' });
}

/** Reading a request may find what only a part of it can be blamed for elsewhere: here it stops the whole. */
function asFault<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw error instanceof EwsError ? soapFault(error) : error;
  }
}

/** @throws Refusal ErrorSchemaValidation */
function envelopeOf(body: Buffer): { operation: Element; header: Element | null } {
  let envelope: Element | null;
  try {
    envelope = parseXml(body.toString('utf8')).documentElement;
  } catch (error) {
    throw schemaFault(error instanceof Error ? error.message : String(error));
  }
  const soapBody = envelope?.namespaceURI === NAMESPACES.soap ? childNamed(envelope, 'Body') : null;
  const [operation, ...more] = soapBody === null ? [] : childElements(soapBody);
  if (operation === undefined || more.length > 0)
    throw schemaFault('The request is no SOAP 1.1 envelope with one operation.');
  return { operation, header: childNamed(envelope, 'Header') };
}

/** `t:ExchangeImpersonation`; the mailbox may be named in three ways (ewsdocs, `connectingsid.md`). */
function impersonatedIn(header: Element | null): string | null {
  const element = childNamed(header, 'ExchangeImpersonation');
  if (element === null) return null;
  const sid = childNamed(element, 'ConnectingSID');
  const named = ['PrimarySmtpAddress', 'SmtpAddress', 'PrincipalName'].map((name) => textOf(childNamed(sid, name)));
  const address = named.find((each) => each !== '');
  if (address === undefined) throw soapFault(new EwsError('ErrorInvalidExchangeImpersonationHeaderData'));
  return address;
}

function envelopeXml(content: string): string {
  const body = xml('s:Body', { 'xmlns:m': NAMESPACES.m, 'xmlns:t': NAMESPACES.t }, content);
  const envelope = xml('s:Envelope', { 'xmlns:s': NAMESPACES.soap }, xml('s:Header', {}, SERVER_VERSION), body);
  return `<?xml version="1.0" encoding="utf-8"?>${envelope}`;
}

/** Without parsing: a request may be 64 MB, and faults want its name only. */
function operationName(body: Buffer): string | null {
  const head = body.toString('latin1', 0, 16 << 10);
  return /<(?:\w+:)?Body[^>]*>\s*<(?:\w+:)?(\w+)/.exec(head)?.[1] ?? null;
}
