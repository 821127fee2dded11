/** A bare client of EWS for the suite of the simulator: XML by hand, no adapter in between. */
import type { Element } from '@xmldom/xmldom';
import { childElements, parseXml, textOf, xml } from '../../lab/exchange/ews/xml.ts';

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/';
const TYPES = 'http://schemas.microsoft.com/exchange/services/2006/types';
const MESSAGES = 'http://schemas.microsoft.com/exchange/services/2006/messages';

export interface EwsAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Of a fault's detail, else of each response message: `NoError` or why not. */
  readonly codes: readonly string[];
  /** Text of all elements with this local name, in order. */
  all(name: string): string[];
  /** Attribute of the first element with this local name. */
  attribute(name: string, attribute: string): string | null;
}

export interface EwsCall {
  readonly authorization?: string;
  readonly impersonate?: string;
  readonly version?: string;
}

export class EwsClient {
  readonly url: string;
  readonly defaults: EwsCall;

  constructor(baseUrl: string, defaults: EwsCall) {
    this.url = `${baseUrl}EWS/Exchange.asmx`;
    this.defaults = defaults;
  }

  /** @param operation the whole element, prefixes `m` and `t` */
  call(operation: string, how: EwsCall = {}): Promise<EwsAnswer> {
    const { impersonate, version = 'Exchange2013_SP1' } = { ...this.defaults, ...how };
    const header = [
      xml('t:RequestServerVersion', { Version: version }),
      ...(impersonate === undefined
        ? []
        : [
            xml(
              't:ExchangeImpersonation',
              {},
              xml('t:ConnectingSID', {}, xml('t:PrimarySmtpAddress', {}, impersonate)),
            ),
          ]),
    ];
    return this.send(
      xml(
        's:Envelope',
        { 'xmlns:s': SOAP, 'xmlns:t': TYPES, 'xmlns:m': MESSAGES },
        xml('s:Header', {}, ...header),
        xml('s:Body', {}, operation),
      ),
      how,
    );
  }

  async send(body: string, how: EwsCall = {}): Promise<EwsAnswer> {
    const { authorization } = { ...this.defaults, ...how };
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'text/xml; charset=utf-8', ...(authorization && { authorization }) },
      body,
    });
    const text = await response.text();
    const elements = text.startsWith('<') ? everyElement(parseXml(text).documentElement) : [];
    const named = (name: string) => elements.filter((each) => each.localName === name);
    return {
      status: response.status,
      headers: response.headers,
      text,
      codes: named('ResponseCode').map(textOf),
      all: (name) => named(name).map(textOf),
      attribute: (name, attribute) => named(name)[0]?.getAttribute(attribute) ?? null,
    };
  }
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function everyElement(root: Element | null): Element[] {
  return root === null ? [] : [root, ...childElements(root).flatMap(everyElement)];
}
