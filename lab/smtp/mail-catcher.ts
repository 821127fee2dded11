import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { renderCatcherPage } from './catcher-page.ts';
import { startSmtpEntrance } from './entrance.ts';
import { readableHeader, readableText } from './readable-text.ts';

export interface CaughtMail {
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  /** The text a person reads, decoded. */
  readonly text: string;
  /** Addresses of links in the text, in order. */
  readonly links: readonly string[];
  /** RFC 3339 UTC. */
  readonly caughtAt: string;
  readonly raw: Buffer;
}

export interface MailCatcher {
  readonly host: string;
  readonly smtpPort: number;
  /** `GET /` is a page for a person. `GET /messages` answers all mails as JSON, newest last and without their bytes; `?to=` picks a recipient. */
  readonly url: string;
  readonly messages: readonly CaughtMail[];
  /** The first mail, caught already or yet to come, that the predicate takes. Rejects after `timeoutMs`, naming what came. */
  waitFor(predicate: (mail: CaughtMail) => boolean, timeoutMs: number): Promise<CaughtMail>;
  close(): Promise<void>;
}

export interface MailCatcherOptions {
  /** Domains whose mail is caught. */
  domains: readonly string[];
  smtpPort?: number;
  httpPort?: number;
}

/** Keeps all mail for its domains in memory: the mailbox of the client's contacts in tests and the demo. */
export async function startMailCatcher(options: MailCatcherOptions): Promise<MailCatcher> {
  const messages: CaughtMail[] = [];
  const waiters = new Set<(mail: CaughtMail) => void>();
  const entrance = await startSmtpEntrance({
    name: 'catcher.example.test',
    domains: options.domains,
    ...(options.smtpPort !== undefined && { port: options.smtpPort }),
    deliver: async ({ from, recipient, raw }) => {
      const mail = openMail(from, recipient, raw);
      messages.push(mail);
      for (const tell of waiters) tell(mail);
    },
  });
  const web = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://catcher');
    if (request.method === 'GET' && pathname === '/') {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
      response.end(renderCatcherPage(messages));
      return;
    }
    if (request.method !== 'GET' || pathname !== '/messages') {
      response.writeHead(404).end();
      return;
    }
    const to = searchParams.get('to')?.toLowerCase();
    const shown = messages.filter((mail) => to === undefined || mail.to.toLowerCase() === to);
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
    response.end(JSON.stringify(shown.map(({ raw, ...mail }) => ({ ...mail, sizeBytes: raw.length }))));
  });
  web.listen(options.httpPort ?? 0, entrance.host);
  await once(web, 'listening');
  return {
    host: entrance.host,
    smtpPort: entrance.port,
    url: `http://${entrance.host}:${(web.address() as AddressInfo).port}`, // a TCP listener's address is never a string
    messages,
    waitFor(predicate, timeoutMs) {
      const known = messages.find(predicate);
      if (known !== undefined) return Promise.resolve(known);
      return new Promise((resolve, reject) => {
        const done = () => {
          clearTimeout(timer);
          waiters.delete(tell);
        };
        const tell = (mail: CaughtMail) => {
          if (!predicate(mail)) return;
          done();
          resolve(mail);
        };
        const timer = setTimeout(() => {
          done();
          const came = messages.map(({ to, subject }) => `${to}: ${subject}`).join('; ');
          reject(new Error(`No such mail within ${timeoutMs} ms; there are ${messages.length}: ${came}`));
        }, timeoutMs);
        waiters.add(tell);
      });
    },
    close: async () => {
      web.closeAllConnections();
      web.close();
      await entrance.close();
    },
  };
}

function openMail(from: string, to: string, raw: Buffer): CaughtMail {
  const text = readableText(raw);
  return {
    from,
    to,
    subject: readableHeader(raw, 'Subject') ?? '',
    text,
    links: text.match(/https?:\/\/[^\s<>"]+[^\s<>".,;:!?)]/g) ?? [],
    caughtAt: new Date().toISOString(),
    raw,
  };
}
