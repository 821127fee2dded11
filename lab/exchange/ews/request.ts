import type { Element } from '@xmldom/xmldom';
import type { Outgoing } from '../flow/outgoing.ts';
import type { ReadReceipts } from '../mail/read-receipts.ts';
import type { EwsMailbox } from './mailbox.ts';
import { EwsError, errorMessage } from './refusal.ts';
import type { EwsSettings } from './settings.ts';
import { xml } from './xml.ts';

/** One operation as it came, with the mailbox that it is for. */
export interface EwsRequest {
  readonly name: string;
  readonly element: Element;
  readonly mailbox: EwsMailbox;
  readonly settings: EwsSettings;
  readonly outgoing: Outgoing;
  readonly receipts: ReadReceipts;
  readonly nowMs: number;
}

/** Does one part of a request; the result is the content of its response message. */
export type Part = () => string;

/**
 * The answer to an operation: a response message for each part, in order. A part that is refused does not stop the others (ewsdocs, `getitem-operation.md`).
 * `empty` stands in place of what a refused part would have held.
 */
export function responseXml(name: string, parts: readonly Part[], empty: string): string {
  const messages = parts.map((part) => {
    try {
      const content = part();
      return xml(
        `m:${name}ResponseMessage`,
        { ResponseClass: 'Success' },
        xml('m:ResponseCode', {}, 'NoError'),
        content,
      );
    } catch (error) {
      if (!(error instanceof EwsError)) throw error;
      return xml(`m:${name}ResponseMessage`, { ResponseClass: 'Error' }, errorMessage(error), empty);
    }
  });
  return xml(`m:${name}Response`, {}, xml('m:ResponseMessages', {}, ...messages));
}
