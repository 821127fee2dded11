import { isAbsolute, resolve } from 'node:path';
import type { AdminEndpoint, EwsEndpoint, ImapEndpoint, Plan, PlannedMailbox, PlannedTarget } from '../domain/plan.ts';

/**
 * Makes the file names of a plan absolute: a person who writes `file:secrets/anna` means a file beside the plan, and workers run
 * elsewhere. Without a folder the names stay as they are and count from where the worker was started.
 */
export function anchorPlan(plan: Plan, folder: string | undefined): Plan {
  if (folder === undefined) return plan;
  return { ...plan, source: anchorEndpoint(plan.source, folder), target: anchorTarget(plan.target, folder) };
}

export function anchorMailboxes(mailboxes: readonly PlannedMailbox[], folder: string | undefined): PlannedMailbox[] {
  if (folder === undefined) return [...mailboxes];
  return mailboxes.map((mailbox) => ({
    ...mailbox,
    sourceSecret: anchorSecret(mailbox.sourceSecret, folder),
    targetSecret: anchorSecret(mailbox.targetSecret, folder),
  }));
}

function anchorTarget(target: PlannedTarget, folder: string): PlannedTarget {
  const imap = anchorEndpoint(target.imap, folder);
  if (target.kind === 'imap') return { ...target, imap };
  if (target.kind === 'exchange-server') return { ...target, imap, ews: anchorEws(target.ews, folder) };
  const { graph, exchangeAdmin, transfer, ews } = target;
  return {
    ...target,
    imap,
    graph: anchorAdmin(graph, folder),
    exchangeAdmin: anchorAdmin(exchangeAdmin, folder),
    ...(transfer && { transfer: anchorAdmin(transfer, folder) }),
    ...(ews && { ews: anchorEws(ews, folder) }),
  };
}

function anchorEws(ews: EwsEndpoint, folder: string): EwsEndpoint {
  return { ...ews, secret: anchorSecret(ews.secret, folder), caFile: anchorFile(ews.caFile, folder) };
}

function anchorAdmin(admin: AdminEndpoint, folder: string): AdminEndpoint {
  return {
    ...admin,
    clientSecret: anchorSecret(admin.clientSecret, folder),
    clientCertificate: anchorSecret(admin.clientCertificate ?? null, folder),
    caFile: anchorFile(admin.caFile, folder),
  };
}

function anchorEndpoint(endpoint: ImapEndpoint, folder: string): ImapEndpoint {
  return { ...endpoint, caFile: anchorFile(endpoint.caFile, folder) };
}

function anchorSecret<Ref extends string | null>(ref: Ref, folder: string): Ref | string {
  if (ref === null) return ref;
  const file = /^file:(.*)$/s.exec(ref)?.[1];
  return file === undefined || isAbsolute(file) ? ref : `file:${resolve(folder, file)}`;
}

function anchorFile(file: string | null, folder: string): string | null {
  return file === null ? null : resolve(folder, file);
}
