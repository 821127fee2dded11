import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Route } from '../../domain/routes.ts';
import { DOMAIN, type Employee, MANAGER, ORGANISATION, TIME_ZONE } from './people.ts';
import type { World } from './world.ts';

export interface PlanFiles {
  readonly plan: string;
  readonly mailboxes: string;
}

/** Seconds where a real migration has days; shown on screen. */
export const POLICY = {
  quiet: '5s',
  stragglerEvery: '2s',
  deltaEvery: '2s',
  dnsEvery: '1s',
  propagationGrace: '2s',
  probeTimeout: '60s',
  cutoverLead: '1s',
  gateReminderEvery: '1h',
  window: 3,
} as const;

/** Writes plan, mailbox list and secrets as a person would, and gives back the texts. Secrets stay in files of their own. */
export async function writePlanFiles(
  folder: string,
  world: World,
  people: readonly Employee[],
  route: Route | null,
): Promise<PlanFiles> {
  const secrets = join(folder, 'secrets');
  await mkdir(secrets, { recursive: true, mode: 0o700 });
  const secret = async (name: string, value: string): Promise<string> => {
    await writeFile(join(secrets, name), `${value}\n`, { mode: 0o600 });
    return `file:${join(secrets, name)}`;
  };
  const ca = join(folder, 'lab-authority.pem');
  await writeFile(ca, world.caPem);
  const { hosted } = world;
  const tenant = { baseUrl: hosted.baseUrl, tokenUrl: hosted.tokenUrl, tenantId: hosted.tenantId, ca };
  const { provisioning, transfer, ews } = hosted;
  const admin = {
    ...tenant,
    clientId: provisioning.clientId,
    clientSecret: await secret('provisioning-app', provisioning.clientSecret),
  };
  const plan = stringify({
    client: { id: 'harbour', name: ORGANISATION, domains: [DOMAIN] },
    contacts: [{ ...MANAGER, party: 'client' }],
    source: { ...world.source.endpoint, ca, maxConnections: 8 },
    target: {
      kind: 'hosted-exchange',
      imap: { host: 'localhost', port: hosted.imapPort, security: 'tls', ca, auth: 'xoauth2' },
      graph: admin,
      exchangeAdmin: admin,
      transfer: {
        ...tenant,
        clientId: transfer.clientId,
        clientCertificate: await secret('transfer-app.pem', transfer.pem),
      },
      ...(ews && { ews: { url: ews.url, user: ews.user, secret: await secret('ews-account', ews.password), ca } }),
      ...(route && { routes: [route] }),
      smtp: { host: '127.0.0.1', port: hosted.smtpPort },
      redirectTo: { host: '127.0.0.1', port: world.source.smtpPort },
    },
    dns: {
      path: 'direct',
      mx: [{ exchange: world.names.newMx, preference: 0 }],
      autodiscover: world.names.autodiscover,
      spfMechanism: world.names.spfMechanism,
      resolver: world.dns.resolver,
      port: world.dns.port,
    },
    cutover: { timeZone: TIME_ZONE },
    policy: POLICY,
    agreement: {
      text: `All mail of ${DOMAIN} moves. Contacts, calendars and local files are moved by the users after the cutover.`,
      agreedBy: `${MANAGER.name} and the hosting team`,
      agreedAt: new Date().toISOString(),
    },
  });
  const lines = ['Address;Display name;Source user;Source secret;Target user;Target secret;Aliases;Lists;Add-ons'];
  for (const person of people) {
    const name = person.address.replace(/@.*/, '');
    const account = world.passwordsOf(person.address);
    const sourceSecret = await secret(`${name}-source`, account.source);
    const targetSecret = await secret(`${name}-target`, account.target);
    const cells = [person.address, person.name, person.address, sourceSecret, person.address, targetSecret];
    lines.push(
      [...cells, person.aliases.join(' '), person.lists.join(' '), person.addOns.join(' ')].map(quote).join(';'),
    );
  }
  // As Excel saves it: byte order mark, semicolons, CRLF.
  const mailboxes = `\uFEFF${lines.join('\r\n')}\r\n`;
  await writeFile(join(folder, 'plan.yaml'), plan);
  await writeFile(join(folder, 'mailboxes.csv'), mailboxes);
  return { plan, mailboxes };
}

function quote(cell: string): string {
  return /[;"\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
