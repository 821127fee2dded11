import { Refusal } from '../refusal.ts';
import { escaped, NAMESPACES, xml } from './xml.ts';

export const XML_TYPE = { 'content-type': 'text/xml; charset=utf-8' };

/** Why one part of a request was refused: an answer with `ResponseClass="Error"` among others, or the whole as a SOAP fault. */
export class EwsError extends Error {
  override readonly name = 'EwsError';
  readonly code: string;
  /** Named values of `MessageXml`, e.g. `BackOffMilliseconds`. */
  readonly values: Readonly<Record<string, string | number>>;

  constructor(code: string, values: Readonly<Record<string, string | number>> = {}, text = TEXTS[code] ?? code) {
    super(text);
    this.code = code;
    this.values = values;
  }
}

/** English texts of Exchange (ewsdocs, `responsecode.md`; read in error bodies that clients keep as fixtures). */
const TEXTS: Readonly<Record<string, string>> = {
  ErrorAccessDenied: 'Access is denied. Check credentials and try again.',
  ErrorCannotDeleteObject: 'The folder cannot be deleted.',
  ErrorDeleteDistinguishedFolder: 'Distinguished folders cannot be deleted.',
  ErrorExceededConnectionCount:
    'You have exceeded the available concurrent connections for your account. Try again once your other requests have completed.',
  ErrorFolderExists: 'A folder with the specified name already exists.',
  ErrorFolderNotFound: 'The specified folder could not be found in the store.',
  ErrorImpersonateUserDenied: 'The account does not have permission to impersonate the requested user.',
  ErrorImpersonationRequired: 'An ExchangeImpersonation SOAP header must be present for this type of OAuth token.',
  ErrorIncorrectUpdatePropertyCount:
    'An object within a change description must contain one and only one property to modify.',
  ErrorInvalidChangeKey: 'The change key is invalid.',
  ErrorInvalidExtendedProperty: 'The extended property attribute combination is invalid.',
  ErrorInvalidExtendedPropertyValue: 'The extended property value is invalid.',
  ErrorInvalidIdMalformed: 'Id is malformed.',
  ErrorInvalidPropertyRequest: 'The property is not valid for this operation.',
  ErrorInvalidPropertySet: 'Set action is invalid for property.',
  ErrorInvalidServerVersion: 'The specified server version is invalid.',
  ErrorIrresolvableConflict:
    'The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.',
  ErrorItemNotFound: 'The specified object was not found in the store.',
  ErrorMessageDispositionRequired: 'Message disposition is required for this operation.',
  ErrorMessageSizeExceeded: 'The message exceeds the maximum supported size.',
  ErrorMimeContentInvalid: 'The MIME content is invalid.',
  ErrorMimeContentInvalidBase64String: 'The MIME content is not a valid base64 string.',
  ErrorNonExistentMailbox: 'The SMTP address has no mailbox associated with it.',
  ErrorQuotaExceeded: 'The mailbox has exceeded its storage quota.',
  ErrorRestrictionTooLong: 'Restriction contained too many elements.',
  ErrorServerBusy: 'The server cannot service this request right now. Try again later.',
};

/** The inside of `<m:{operation}ResponseMessage ResponseClass="Error">`. */
export function errorMessage({ code, message, values }: EwsError): string {
  const named = Object.entries(values).map(([Name, value]) => xml('t:Value', { Name }, escaped(String(value))));
  return [
    xml('m:MessageText', {}, escaped(message)),
    xml('m:ResponseCode', {}, code),
    xml('m:DescriptiveLinkKey', {}, '0'),
    ...(named.length > 0 ? [xml('m:MessageXml', {}, ...named)] : []),
  ].join('');
}

/** HTTP 500 with a SOAP fault whose detail tells the code (exchange.md §4.2; shape: ewsdocs, `addnewimcontacttogroup-operation.md`). */
export function soapFault({ code, message, values }: EwsError): Refusal {
  const named = Object.entries(values).map(([Name, value]) => xml('t:Value', { Name }, escaped(String(value))));
  return faultWith(code, message, message, named.join(''));
}

/** What breaks the schema is told with the violation, never by item (ewsdocs, same page). */
export function schemaFault(violation: string): Refusal {
  const text = 'The request failed schema validation';
  const detail = xml('t:Violation', {}, escaped(violation));
  return faultWith('ErrorSchemaValidation', `${text}: ${violation}`, `${text}.`, detail);
}

function faultWith(code: string, faultText: string, text: string, messageXml: string): Refusal {
  const detail = [
    xml('e:ResponseCode', { 'xmlns:e': NAMESPACES.e }, code),
    xml('e:Message', { 'xmlns:e': NAMESPACES.e }, escaped(text)),
    ...(messageXml === '' ? [] : [xml('t:MessageXml', { 'xmlns:t': NAMESPACES.t }, messageXml)]),
  ];
  const fault = xml(
    's:Fault',
    {},
    xml('faultcode', { 'xmlns:a': NAMESPACES.t }, `a:${code}`),
    xml('faultstring', { 'xml:lang': 'en-US' }, escaped(faultText)),
    xml('detail', {}, ...detail),
  );
  const envelope = xml('s:Envelope', { 'xmlns:s': NAMESPACES.soap }, xml('s:Body', {}, fault));
  return new Refusal(500, `<?xml version="1.0" encoding="utf-8"?>${envelope}`, XML_TYPE);
}
