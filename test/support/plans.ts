import type { MigrationView } from '../../domain/migration-view.ts';
import { DEFAULT_POLICY, type ImapEndpoint, type Plan, type PlannedMailbox } from '../../domain/plan.ts';
import type { HostedTarget } from '../../domain/ports/exchange-admin.ts';
import { STEP_IDS, type StepId, type StepState } from '../../domain/steps.ts';

/** Plans, mailboxes and views for tests that need some and do not care which. */

export function testEndpoint(host: string): ImapEndpoint {
  return { host, port: 993, security: 'tls', allowInsecure: false, caFile: null, maxConnections: 4 };
}

export function testPlan(change: Partial<Plan> = {}): Plan {
  return {
    client: { id: 'baeckerei', name: 'Bäckerei Example', domains: ['example.test'] },
    contacts: [
      {
        id: 'office',
        name: 'The office',
        party: 'client',
        email: 'office@example.org',
        codeEmail: 'codes@example.net',
      },
      { id: 'owner', name: 'The owner', party: 'client', email: 'owner@example.org', codeEmail: 'owner@example.net' },
      { id: 'duty', name: 'On duty', party: 'operator', email: 'duty@example.com', codeEmail: 'duty@example.net' },
    ],
    source: testEndpoint('imap.example.test'),
    target: { kind: 'imap', imap: testEndpoint('hosted.example.test') },
    dns: null,
    cutover: { at: null, timeZone: 'Europe/Berlin' },
    policy: DEFAULT_POLICY,
    agreement: { text: 'As agreed.', agreedBy: 'The owner', agreedAt: '2026-01-01T00:00:00Z' },
    ...change,
  };
}

/** A plan whose target is hosted Exchange. */
export function hostedPlan(change: Partial<HostedTarget> = {}): Plan {
  const administration = {
    baseUrl: 'https://graph.example.test/',
    tenantId: 'tenant-1',
    clientId: 'provisioning-1',
    clientSecret: 'env:CLIENT_SECRET',
    tokenUrl: 'https://login.example.test/tenant-1/oauth2/v2.0/token',
    caFile: null,
  };
  const target: HostedTarget = {
    kind: 'hosted-exchange',
    imap: testEndpoint('outlook.example.test'),
    graph: administration,
    exchangeAdmin: administration,
    smtp: { host: 'mx.example.test', port: 25 },
    redirectTo: { host: 'old.example.test', port: 25 },
    ...change,
  };
  return testPlan({ target });
}

export function testMailbox(name: string, change: Partial<PlannedMailbox> = {}): PlannedMailbox {
  return {
    address: `${name}@example.test`,
    displayName: name,
    sourceUser: name,
    sourceSecret: 'env:SOURCE_PASSWORD',
    targetUser: `${name}@example.test`,
    targetSecret: 'env:TARGET_PASSWORD',
    aliases: [],
    lists: [],
    addOns: [],
    ...change,
  };
}

export function testView(change: Partial<MigrationView> = {}): MigrationView {
  const ahead: StepState = { status: 'ahead', waitingFor: [], note: '', evidenceId: null, changedAt: null };
  return {
    status: 'running',
    phase: 'account-creation',
    step: 'A1',
    waitingFor: [],
    headline: 'It begins.',
    steps: Object.fromEntries(STEP_IDS.map((id) => [id, ahead])) as Record<StepId, StepState>,
    openGate: null,
    cutoverAt: null,
    dnsPath: null,
    pass: null,
    progress: 0,
    updatedAt: '2026-01-01T00:00:00Z',
    ...change,
  };
}
