import type { Refusal } from '../refusal.ts';
import type { Fault } from '../tenant.ts';
import { EwsError, errorMessage, soapFault, XML_TYPE } from './refusal.ts';
import { NAMESPACES, xml } from './xml.ts';

/** `ErrorServerBusy` for the whole request, with the time to wait (exchange.md §4.2): the form in which throttling mostly comes. */
export function busyFault(backOffMs: number): Fault {
  const { status, body, headers }: Refusal = soapFault(busy(backOffMs));
  return { status, body, headers };
}

/** The same within an answer that is otherwise a success (HTTP 200). */
export function busyMessage(operation: string, backOffMs: number): Fault {
  const content = errorMessage(busy(backOffMs));
  const message = xml(`m:${operation}ResponseMessage`, { ResponseClass: 'Error' }, content);
  const response = xml(`m:${operation}Response`, {}, xml('m:ResponseMessages', {}, message));
  const body = xml('s:Body', { 'xmlns:m': NAMESPACES.m, 'xmlns:t': NAMESPACES.t }, response);
  return { status: 200, body: xml('s:Envelope', { 'xmlns:s': NAMESPACES.soap }, body), headers: XML_TYPE };
}

function busy(backOffMs: number): EwsError {
  return new EwsError('ErrorServerBusy', { BackOffMilliseconds: backOffMs });
}
