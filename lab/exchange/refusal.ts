/** An answer other than success, in the words of Graph or Exchange. Thrown by routes and cmdlets, sent by the server. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: object | string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: object | string, headers: Readonly<Record<string, string>> = {}) {
    super(`refused with ${status}`);
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** Graph's error body (learn.microsoft.com/graph/errors; graph-client reads `innerError`). */
export function graphRefusal(status: number, code: string, message: string): Refusal {
  return new Refusal(status, { error: { code, message, innerError: { date: new Date().toISOString() } } });
}

export function badRequest(message: string): Refusal {
  return graphRefusal(400, 'Request_BadRequest', message);
}

/**
 * Exchange's error body for a cmdlet: the exception stands in a detail, parts divided by bars. The shape is what callers of
 * InvokeCommand take apart (exchange.md §6.2); the `Ex…` number is a hash of the text there and a fixed one here.
 */
export function cmdletRefusal(status: number, exception: string, message: string): Refusal {
  return new Refusal(status, {
    error: {
      code: status === 404 ? 'NotFound' : 'BadRequest',
      message: 'Error executing cmdlet',
      details: [{ code: 'Context', target: '', message: `Ex6F9304|${exception}|${message}` }],
      innererror: {
        message: 'Error executing cmdlet',
        type: 'Microsoft.Exchange.Admin.OData.Core.ODataServiceException',
      },
    },
  });
}
