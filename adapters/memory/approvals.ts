import { createHash, randomInt, randomUUID } from 'node:crypto';
import canonicalize from 'canonicalize';
import { MigrationError } from '../../domain/errors.ts';
import type {
  ApprovalStore,
  AuditRow,
  Json,
  MigrationStore,
  StoredDecision,
  StoredGate,
  StoredLink,
  Verdict,
} from '../../domain/ports/store.ts';
import { type AcknowledgedStep, GATE_QUORUM, type GateParty } from '../../domain/steps.ts';
import type { MemoryOutbox } from './outbox.ts';

const CODE_LIFETIME_MS = 15 * 60_000;
const WRONG_CODES = 5;

interface LinkRow {
  link: StoredLink;
  token: string;
  code: { value: string; at: number; wrong: number } | null;
}

export function createMemoryApprovals(
  migrations: MigrationStore,
  outbox: MemoryOutbox,
  now: () => number,
): ApprovalStore {
  const gates = new Map<string, StoredGate>();
  const links = new Map<string, LinkRow>();
  const decisions: StoredDecision[] = [];
  const audit: (AuditRow & { migrationId: string | null })[] = [];
  const requested = new Set<string>();
  const time = (): string => new Date(now()).toISOString();

  const appendAudit = (migrationId: string | null, actor: string, action: string, details: Json): void => {
    const row = { id: `aud_${audit.length + 1}`, at: time(), actor, action, details, migrationId };
    audit.push({ ...row, hash: hashOf(audit.at(-1)?.hash ?? '', row) });
  };
  const getGate = (id: string): StoredGate => {
    const gate = gates.get(id);
    if (gate === undefined) throw new MigrationError('NOT_FOUND', `There is no gate ${id}.`);
    return gate;
  };
  const revoke = (fits: (link: StoredLink) => boolean): void => {
    for (const row of links.values()) {
      if (fits(row.link) && row.link.state === 'live') row.link = { ...row.link, state: 'revoked' };
    }
  };
  const sendLinks = async (
    input: { migrationId: string; gateId: string | null; step: AcknowledgedStep | null; publicUrl: string },
    party: GateParty,
  ): Promise<void> => {
    const { plan } = await migrations.getMigration(input.migrationId);
    for (const contact of plan.contacts.filter((one) => one.party === party)) {
      const token = `${randomUUID()}${randomUUID()}`.replaceAll('-', '');
      const { migrationId, gateId, step } = input;
      const link: StoredLink = {
        id: `lnk_${randomUUID()}`,
        migrationId,
        contactId: contact.id,
        gateId,
        step,
        state: 'live',
      };
      links.set(link.id, { link, token, code: null });
      const text = `Please look and decide:\n${input.publicUrl}/portal#${token}\n`;
      outbox.add({
        kind: 'mail',
        migrationId,
        mail: { to: contact.email, subject: 'Your decision is asked for', text },
      });
    }
  };
  const decide = (decision: StoredDecision, gate: StoredGate | null, requestId: string): StoredDecision => {
    const { id: decisionId, gateId, step, digest, party, personId, verdict } = decision;
    decisions.push(decision);
    if (gate !== null) gates.set(gate.id, { ...gate, decisions: [...gate.decisions, decision] });
    appendAudit(decision.migrationId, personId, verdict, { decisionId, gateId, step, digest, requestId });
    outbox.add({
      kind: 'signal',
      migrationId: decision.migrationId,
      signal: 'decision',
      payload: { decisionId, gate: gate?.gate ?? null, gateId, step, digest, party, personId, verdict },
    });
    return decision;
  };
  const checkGate = (
    gate: StoredGate,
    personId: string,
    verdict: Verdict,
    digest: string | null,
  ): StoredDecision | null => {
    const earlier = gate.decisions.find((one) => one.personId === personId);
    if (earlier?.verdict === verdict) return earlier;
    if (earlier !== undefined) throw new MigrationError('CONFLICT', 'This person has decided otherwise before.');
    if (gate.state !== 'open') throw new MigrationError('GATE_NOT_OPEN', `The gate is ${gate.state}.`);
    if (gate.digest !== digest)
      throw new MigrationError('EVIDENCE_CHANGED', 'The digest is not that of the newest evidence.');
    return null;
  };

  return {
    async openGate({ migrationId, gate, evidence, publicUrl }) {
      const revisions = [...gates.values()].filter((one) => one.migrationId === migrationId && one.gate === gate);
      const open = revisions.find((one) => one.state === 'open');
      const digest = createHash('sha256')
        .update(String(canonicalize(evidence)))
        .digest('hex');
      if (open?.digest === digest) return { gateId: open.id, revision: open.revision, digest, opened: false };
      if (open !== undefined) {
        gates.set(open.id, { ...open, state: 'superseded', settledAt: time() });
        revoke((link) => link.gateId === open.id);
      }
      const id = `gat_${randomUUID()}`;
      const revision = revisions.length + 1;
      gates.set(id, {
        id,
        migrationId,
        gate,
        revision,
        digest,
        evidence,
        state: 'open',
        openedAt: time(),
        settledAt: null,
        decisions: [],
      });
      appendAudit(migrationId, 'service', 'open-gate', { gate, gateId: id, digest });
      await sendLinks({ migrationId, gateId: id, step: null, publicUrl }, 'client');
      return { gateId: id, revision, digest, opened: true };
    },
    async settleGate(gateId, state) {
      gates.set(gateId, { ...getGate(gateId), state, settledAt: time() });
      revoke((link) => link.gateId === gateId);
    },
    async remind(input) {
      revoke(
        (link) => link.migrationId === input.migrationId && link.gateId === input.gateId && link.step === input.step,
      );
      await sendLinks(input, 'client');
    },
    async requestAcknowledgement({ migrationId, step, publicUrl }) {
      if (requested.has(`${migrationId}/${step}`)) return;
      requested.add(`${migrationId}/${step}`);
      await sendLinks({ migrationId, gateId: null, step, publicUrl }, 'client');
    },
    async getGate(gateId) {
      return getGate(gateId);
    },
    async *listGates(migrationId) {
      for (const gate of gates.values()) if (gate.migrationId === migrationId) yield gate;
    },
    async findLink(token) {
      for (const row of links.values()) if (row.token === token) return row.link;
      return null;
    },
    async recordChallenge(linkId) {
      const row = links.get(linkId);
      if (row?.link.state !== 'live') throw new MigrationError('GATE_NOT_OPEN', 'This link is not live any more.');
      const value = String(randomInt(1_000_000)).padStart(6, '0');
      row.code = { value, at: now(), wrong: 0 };
      const { plan } = await migrations.getMigration(row.link.migrationId);
      const to = plan.contacts.find((one) => one.id === row.link.contactId)?.codeEmail ?? '';
      outbox.add({
        kind: 'mail',
        migrationId: row.link.migrationId,
        mail: { to, subject: 'Your code', text: `Your code is ${value}.\n` },
      });
    },
    async recordContactDecision({ linkId, code, verdict, digest, comment, requestId }) {
      const row = links.get(linkId);
      if (row === undefined) throw new MigrationError('NOT_FOUND', 'There is no such link.');
      const { link } = row;
      const base = { migrationId: link.migrationId, party: 'client' as const, personId: link.contactId, comment };
      const gate = link.gateId === null ? null : getGate(link.gateId);
      checkCode(row, code, now());
      const earlier =
        gate === null
          ? decisions.find(
              (one) =>
                one.step === link.step && one.personId === link.contactId && one.migrationId === link.migrationId,
            )
          : checkGate(gate, link.contactId, verdict, digest);
      if (earlier) return earlier;
      row.link = { ...link, state: 'used' };
      const { gateId, step } = link;
      return decide(
        { ...base, id: `dec_${randomUUID()}`, gateId, step, verdict, digest, decidedAt: time() },
        gate,
        requestId,
      );
    },
    async recordOperatorDecision({ gateId, operatorId, verdict, digest, comment, requestId }) {
      const gate = getGate(gateId);
      if (!(GATE_QUORUM[gate.gate] as readonly GateParty[]).includes('operator')) {
        throw new MigrationError('FORBIDDEN', 'This gate is decided by the client alone.');
      }
      const earlier = checkGate(gate, operatorId, verdict, digest);
      if (earlier !== null) return earlier;
      const decision: StoredDecision = {
        id: `dec_${randomUUID()}`,
        migrationId: gate.migrationId,
        gateId,
        step: null,
        verdict,
        party: 'operator',
        personId: operatorId,
        digest,
        comment,
        decidedAt: time(),
      };
      return decide(decision, gate, requestId);
    },
    async findDecision(decisionId) {
      return decisions.find((one) => one.id === decisionId) ?? null;
    },
    async *listAudit(migrationId) {
      for (const row of audit) if (row.migrationId === migrationId) yield row;
    },
    async recordAudit({ migrationId, actor, action, details }) {
      appendAudit(migrationId, actor, action, details);
    },
    async findAuditBreak() {
      let before = '';
      for (const { hash, ...row } of audit) {
        if (hashOf(before, row) !== hash) return row.id;
        before = hash;
      }
      return null;
    },
  };
}

function checkCode(row: LinkRow, code: string, now: number): void {
  if (row.code === null) throw new MigrationError('CODE_EXPIRED', 'No code was asked for with this link.');
  if (row.code.wrong >= WRONG_CODES || now - row.code.at > CODE_LIFETIME_MS) {
    throw new MigrationError('CODE_EXPIRED', 'The code has expired.');
  }
  if (row.code.value !== code) {
    row.code.wrong += 1;
    throw new MigrationError('CODE_WRONG', 'The code is wrong.');
  }
}

function hashOf(before: string, row: Omit<AuditRow, 'hash'>): string {
  return createHash('sha256')
    .update(before)
    .update(String(canonicalize(row)))
    .digest('hex');
}
