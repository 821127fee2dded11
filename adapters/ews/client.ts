import type { Element } from '@xmldom/xmldom';
import { type ErrorFacts, MigrationError } from '../../domain/errors.ts';
import type { RequestLimiter, RequestParty } from '../../domain/ports/request-limiter.ts';
import type { HttpsAnswer, HttpsTransport, PiecedBody } from '../graph/https-transport.ts';
import { retryAfterMs } from '../graph/outcome.ts';
import { type EwsCallKind, type EwsRefusal, fromFault, fromRefusal, fromStatus, withoutAnswer } from './outcome.ts';
import type { EwsSignIn } from './sign-in.ts';
import { find, findAll, parseXml, textOf, xml } from './xml.ts';

export interface EwsClientOptions {
  readonly url: string;
  readonly signIn: EwsSignIn;
  readonly send: HttpsTransport;
  /** Primary address of the mailbox that is acted for. */
  readonly mailbox: string;
  readonly timeoutMs: number;
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** See TargetOptions. Asked before each piece of a request that changes anything. */
  readonly mayWrite: () => boolean;
  readonly limiter: RequestLimiter;
  readonly party: RequestParty;
}

export interface EwsRequest {
  /** `CreateItem`. */
  readonly operation: string;
  readonly effect: boolean;
  readonly facts?: ErrorFacts;
  /** The operation's element. Bytes in the middle of it travel as base64, without a copy of their own. */
  readonly body: string | readonly [before: string, bytes: Buffer, after: string];
}

/** One of the answers to a request, which mostly holds one for each thing asked for. */
export interface EwsAnswer {
  readonly element: Element;
  /** Null for Success and Warning. */
  readonly refusal: EwsRefusal | null;
}

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/';
const TYPES = 'http://schemas.microsoft.com/exchange/services/2006/types';
const MESSAGES = 'http://schemas.microsoft.com/exchange/services/2006/messages';

/** Exchange Web Services for one mailbox: one attempt a call, and an outcome that says whether it can have happened. */
export class EwsClient {
  readonly #options: EwsClientOptions;
  #closed = false;
  /** As the last answer told it, e.g. `15.1.2507.6`; empty before. */
  serverVersion = '';

  constructor(options: EwsClientOptions) {
    this.#options = options;
  }

  get signal(): AbortSignal {
    return this.#options.signal;
  }

  close(): void {
    this.#closed = true;
  }

  /**
   * Every answer, refusals among them.
   * @throws what concerns the request as a whole: see outcome.ts; LEASE_LOST; the signal's reason when aborted
   */
  async ask(request: EwsRequest): Promise<readonly EwsAnswer[]> {
    const call: EwsCallKind = { operation: request.operation, effect: request.effect, facts: request.facts ?? {} };
    if (this.#closed) throw new MigrationError('CONNECTION_LOST', 'The session is closed.', { facts: call.facts });
    const { limiter, party, signal } = this.#options;
    const uploadBytes = request.effect ? sizeOf(request) : 0;
    return await limiter.run(party, uploadBytes, signal, () => this.#ask(call, request));
  }

  /** The one answer to a request for one thing. @throws its refusal, too */
  async askOne(request: EwsRequest): Promise<Element> {
    const [answer] = await this.ask(request);
    if (answer === undefined)
      throw withoutAnswer(this.#kindOf(request), new Error('the answer holds no response message'));
    if (answer.refusal !== null) throw this.refusalOf(request, answer.refusal);
    return answer.element;
  }

  refusalOf(request: EwsRequest, refusal: EwsRefusal): MigrationError {
    return fromRefusal(this.#kindOf(request), refusal);
  }

  #kindOf({ operation, effect, facts = {} }: EwsRequest): EwsCallKind {
    return { operation, effect, facts };
  }

  async #ask(call: EwsCallKind, request: EwsRequest): Promise<readonly EwsAnswer[]> {
    const { signIn } = this.#options;
    let authorization = await signIn.authorization();
    let response = await this.#send(call, request, authorization);
    // An OAuth token that ended on the way is not a refusal: nothing was begun, and a fresh one gets the same call through (T57).
    if (response.status === 401 && (await signIn.renew(authorization))) {
      authorization = await signIn.authorization();
      response = await this.#send(call, request, authorization);
    }
    if (response.status === 401) throw signIn.refused(call);
    return this.#read(call, response, request);
  }

  async #send(call: EwsCallKind, request: EwsRequest, authorization: string): Promise<HttpsAnswer> {
    const { url, send, mailbox, timeoutMs, signal } = this.#options;
    signal.throwIfAborted();
    const body = this.#envelope(call, request);
    const headers = {
      authorization,
      'content-type': 'text/xml; charset=utf-8',
      accept: 'text/xml',
      'user-agent': 'Mailferry',
      // Brings the request to the server that holds the mailbox (ewsdocs, how-to-maintain-affinity).
      'x-anchormailbox': mailbox,
    };
    try {
      return await send({
        url,
        method: 'POST',
        headers,
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        maxAnswerBytes: MAX_ANSWER_BYTES,
      });
    } catch (error) {
      signal.throwIfAborted();
      throw withoutAnswer(call, error);
    }
  }

  #envelope(call: EwsCallKind, { body }: EwsRequest): PiecedBody {
    const impersonation = xml(
      't:ExchangeImpersonation',
      {},
      xml('t:ConnectingSID', {}, xml('t:PrimarySmtpAddress', {}, this.#options.mailbox)),
    );
    const header = xml('soap:Header', {}, xml('t:RequestServerVersion', { Version: 'Exchange2016' }), impersonation);
    const head = `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="${SOAP}" xmlns:t="${TYPES}" xmlns:m="${MESSAGES}">${header}<soap:Body>`;
    const tail = '</soap:Body></soap:Envelope>';
    const [before, bytes, after] = typeof body === 'string' ? [body, NOTHING, ''] : body;
    const first = Buffer.from(head + before);
    const last = Buffer.from(after + tail);
    const assertMayWrite = () => {
      if (!call.effect || this.#options.mayWrite()) return;
      throw new MigrationError('LEASE_LOST', 'The lease ended before the request did; it was not finished.', {
        facts: call.facts,
      });
    };
    assertMayWrite();
    return {
      sizeBytes: first.length + 4 * Math.ceil(bytes.length / 3) + last.length,
      *pieces() {
        yield first;
        for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
          assertMayWrite();
          yield Buffer.from(bytes.toString('base64', at, Math.min(at + PIECE_BYTES, bytes.length)), 'latin1');
        }
        // Without the end the server does nothing: a process that slept until its lease was another's does not send it.
        assertMayWrite();
        yield last;
      },
    };
  }

  #read(call: EwsCallKind, response: HttpsAnswer, request: EwsRequest): readonly EwsAnswer[] {
    const { status } = response;
    const text = response.content.toString();
    const root = status === 200 || status === 500 ? parseXml(text) : null;
    const soapBody = root && find(root, 'Body');
    const fault = soapBody && find(soapBody, 'Fault');
    if (fault) throw fromFault(call, refusalOfFault(fault));
    const answers = soapBody
      ? findAll(soapBody, `${call.operation}Response`, 'ResponseMessages', `${call.operation}ResponseMessage`)
      : [];
    if (status === 200 && answers.length > 0 && root) {
      const version = find(root, 'Header', 'ServerVersionInfo');
      const parts = ['MajorVersion', 'MinorVersion', 'MajorBuildNumber', 'MinorBuildNumber'];
      if (version) this.serverVersion = parts.map((part) => version.getAttribute(part) ?? '0').join('.');
      const read = answers.map((element) => ({ element, refusal: refusalOf(element) }));
      const busy = read.find(({ refusal }) => refusal?.code === BUSY)?.refusal;
      if (busy) throw fromRefusal(call, busy);
      return read;
    }
    if (status === 200) throw withoutAnswer(call, new Error('the answer is no answer to this operation'));
    throw fromStatus(call, status, {
      retryAfterMs: retryAfterMs(response.headers.get('retry-after'), this.#options.now()),
      requestBytes: sizeOf(request),
    });
  }
}

/** Near enough: without the envelope. */
function sizeOf({ body }: EwsRequest): number {
  return typeof body === 'string' ? body.length : 4 * Math.ceil(body[1].length / 3);
}

/** Whatever it was said to, it is meant for all. */
const BUSY = 'ErrorServerBusy';
const NOTHING = Buffer.alloc(0);
/** An answer to GetItem holds a message of 48 MB as base64. */
const MAX_ANSWER_BYTES = 80 * 1024 * 1024;
/** Of three bytes each four characters, so that pieces of base64 can be joined; about 64 KiB travel between two looks at the lease. */
const PIECE_BYTES = 3 * 16 * 1024;

function refusalOf(element: Element): EwsRefusal | null {
  if (element.getAttribute('ResponseClass') !== 'Error') return null;
  const code = textOf(element, 'ResponseCode') ?? '';
  return { code, text: textOf(element, 'MessageText') ?? '', backOffMs: backOffOf(find(element, 'MessageXml')) };
}

/** `detail` holds ResponseCode and MessageXml; where it does not, `faultcode` has the code behind a prefix. */
function refusalOfFault(fault: Element): EwsRefusal {
  const code = textOf(fault, 'detail', 'ResponseCode') ?? textOf(fault, 'faultcode')?.replace(/^.*:/, '') ?? '';
  const backOffMs = backOffOf(find(fault, 'detail', 'MessageXml'));
  return { code, text: textOf(fault, 'faultstring') ?? '', backOffMs };
}

/** `<t:Value Name="BackOffMilliseconds">297749</t:Value>` (ewsdocs, `ews-throttling-in-exchange.md`). */
function backOffOf(messageXml: Element | null): number | null {
  const values = messageXml === null ? [] : findAll(messageXml, 'Value');
  const told = values.find((value) => value.getAttribute('Name') === 'BackOffMilliseconds')?.textContent ?? '';
  return /^\d+$/.test(told.trim()) ? Number(told) : null;
}
