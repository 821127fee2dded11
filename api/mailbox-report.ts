import type { z } from 'zod';
import { ERRORS, isErrorCode } from '../domain/errors.ts';
import type { FolderPath } from '../domain/mail.ts';
import type { Deviation, LedgerException } from '../domain/ports/ledger.ts';
import { csvLine } from './csv.ts';
import type { ServerDeps } from './deps.ts';
import type { MailboxReport as MailboxReportSchema } from './schemas.ts';

export type MailboxReport = z.output<typeof MailboxReportSchema>;
export type MailboxReportHead = Omit<MailboxReport, 'exceptions' | 'deviations' | 'notes'>;

type Deps = Pick<ServerDeps, 'migrations' | 'ledger' | 'clock'>;

/** All of a mailbox's report but the lists of messages, which are streamed: they may have as many entries as the mailbox. */
export async function buildMailboxReport(
  { migrations, ledger, clock }: Deps,
  mailboxId: string,
): Promise<MailboxReportHead> {
  const mailbox = await migrations.getMailboxView(mailboxId);
  const faults = new Map((await ledger.listFolders(mailboxId)).map(({ id, fault }) => [id, fault]));
  const folders = (await ledger.tallyFolders(mailboxId)).map(({ folderId, ...folder }) => {
    const fault = faults.get(folderId) ?? null;
    return { ...folder, fault: fault === null ? null : { ...fault, remedy: ERRORS[fault.code].remedy } };
  });
  return {
    mailbox,
    remedy: isErrorCode(mailbox.heldCode) ? ERRORS[mailbox.heldCode].remedy : null,
    generatedAt: new Date(clock.now()).toISOString(),
    folders,
    verification: await ledger.listFindings(mailboxId),
  };
}

/** The report as JSON, in pieces. */
export async function* renderMailboxJson({ ledger }: Deps, head: MailboxReportHead): AsyncIterable<string> {
  yield `${JSON.stringify(head).slice(0, -1)},"exceptions":`;
  yield* jsonList(ledger.listExceptions(head.mailbox.id), shownException);
  yield ',"deviations":';
  yield* jsonList(ledger.listDeviations(head.mailbox.id), shownDeviation);
  yield ',"notes":';
  yield* jsonList(ledger.listNotes(head.mailbox.id), (note) => note);
  yield '}';
}

const COLUMNS = [
  'about',
  'source folder',
  'uid',
  'uidvalidity',
  'target folder',
  'target uid',
  'received',
  'bytes',
  'state',
  'code',
  'detail',
  'remedy',
] as const;

type Row = Partial<Record<(typeof COLUMNS)[number], string | number | null>>;

/**
 * The report as CSV (RFC 4180, UTF-8 with its mark), in pieces: first what is to be known of the mailbox, then a line for each
 * folder, then one for each message that has no copy, whose copy is not as it should be, or was changed on the way.
 */
export async function* renderMailboxCsv({ ledger }: Deps, head: MailboxReportHead): AsyncIterable<string> {
  const line = (row: Row) => csvLine(COLUMNS.map((column) => row[column] ?? ''));
  yield `\uFEFF${csvLine(COLUMNS)}`;
  const { mailbox, remedy, folders } = head;
  yield line({ about: 'mailbox', state: mailbox.status, code: mailbox.heldCode, detail: mailbox.heldMessage, remedy });
  for (const { route, usable, findings } of mailbox.routes?.verdicts ?? []) {
    const state = route === mailbox.routes?.chosen ? 'chosen' : usable ? 'usable' : 'not usable';
    yield line({ about: 'route', state, detail: [route, ...findings].join('; ') });
  }
  for (const { sourcePath, targetPath, fault, exists, tally } of folders) {
    const counts = Object.entries(tally).flatMap(([what, count]) =>
      what !== 'source' && count > 0 ? [`${count} ${what}`] : [],
    );
    const detail = [`${exists} at the source`, ...counts, ...(fault ? [fault.message] : [])].join(', ');
    const places = { 'source folder': nameOf(sourcePath), 'target folder': nameOf(targetPath) };
    yield line({ about: 'folder', ...places, code: fault?.code ?? null, detail, remedy: fault?.remedy ?? null });
  }
  for await (const exception of ledger.listExceptions(mailbox.id)) {
    const shown = shownException(exception);
    yield line({
      about: 'message',
      ...sourceCells(shown),
      received: shown.internalDate,
      ...shown,
      bytes: shown.sizeBytes,
    });
  }
  for await (const deviation of ledger.listDeviations(mailbox.id)) {
    const shown = shownDeviation(deviation);
    const target = { 'target folder': nameOf(shown.targetPath), 'target uid': shown.targetUid };
    const { receivedAt: received, sizeBytes: bytes } = shown;
    yield line({ about: 'message', ...sourceCells(shown), ...target, received, bytes, state: 'delivered', ...shown });
  }
  for await (const note of ledger.listNotes(mailbox.id)) {
    const { internalDate: received, sizeBytes: bytes } = note;
    yield line({ about: 'note', ...sourceCells(note), received, bytes, state: note.state, detail: note.detail });
  }
}

function sourceCells(shown: {
  readonly sourcePath: FolderPath | null;
  readonly uidValidity: string | null;
  readonly uid: number | null;
}): Row {
  const { sourcePath, uidValidity: uidvalidity, uid } = shown;
  return { 'source folder': sourcePath === null ? null : nameOf(sourcePath), uid, uidvalidity };
}

function shownException(exception: LedgerException): MailboxReport['exceptions'][number] {
  return { ...exception, remedy: remedyOf(exception) };
}

function remedyOf({ state, code }: LedgerException): string {
  if (code !== null) return ERRORS[code].remedy;
  if (state === 'vanished') return 'Nothing; it was gone from the source before it could be copied.';
  if (state === 'excluded') return 'Nothing; the plan leaves it out, by the rule that the detail names.';
  if (state === 'refused') return ERRORS.MESSAGE_REFUSED.remedy;
  return 'Nothing; it has not had its turn, and the next attempt goes on with it.';
}

function shownDeviation(deviation: Deviation): MailboxReport['deviations'][number] {
  return { ...deviation, remedy: ERRORS[deviation.code].remedy };
}

async function* jsonList<T>(items: AsyncIterable<T>, shown: (item: T) => unknown): AsyncIterable<string> {
  let before = '[';
  for await (const item of items) {
    yield before + JSON.stringify(shown(item));
    before = ',';
  }
  yield before === '[' ? '[]' : ']';
}

function nameOf(path: FolderPath): string {
  return path.join('/');
}
