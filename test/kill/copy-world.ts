import { MemoryLedger } from '../../adapters/memory/ledger.ts';
import { type MemoryMailOptions, MemoryMailSystem } from '../../adapters/memory/mail.ts';
import { copyMailbox } from '../../domain/copy-mailbox.ts';
import type { LaneOptions, Pace } from '../../domain/lanes.ts';
import type { Pass } from '../../domain/passes.ts';
import type { MailSource, MailTarget } from '../../domain/ports/mail.ts';
import { ALONE, fakePace } from '../support/memory-world.ts';
import { createMortality, type Death } from './dying-ports.ts';

export const MAILBOX = { id: 'mbx-1', mapping: {} };
export const PASSES = [
  { kind: 'initial', number: 1 },
  { kind: 'delta', number: 2 },
  { kind: 'final', number: 3 },
] as const satisfies readonly Pass[];

const LIVE: Death = { atCall: Number.POSITIVE_INFINITY, when: 'before' };
const SOURCE_STREAMS = ['listFolders', 'listMessages', 'listFlags', 'listChanges', 'readMessages'] as const;
const TARGET_STREAMS = ['listFolders', 'listMessages', 'listFlags'] as const;
const LEDGER_STREAMS = ['listExceptions', 'listDelivered', 'listDeviations'] as const;
const TWIN = 'Subject: twin\r\n\r\ntwin\r\n';

export interface Variant {
  readonly target: Pick<MemoryMailOptions, 'reportsUid' | 'appendsMany' | 'fidelity' | 'keys' | 'visibleAfterMs'>;
  /** Half of INBOX was brought by another tool before us (T42). */
  readonly foreign: boolean;
  /** Beside the first one. */
  readonly spareLanes: number;
}

export interface World {
  readonly variant: Variant;
  readonly source: MemoryMailSystem;
  readonly target: MemoryMailSystem;
  readonly ledger: MemoryLedger;
  /** Of the target too. */
  readonly pace: Pace;
}

export function newWorld(variant: Variant): World {
  const source = new MemoryMailSystem();
  const pace = fakePace();
  const target = new MemoryMailSystem({ separator: '.', ...variant.target, clock: pace.now });
  const ledger = new MemoryLedger();
  ledger.addMailbox(MAILBOX.id);
  source.addFolder(['Gesendet'], 'sent');
  source.addFolder(['Dr. Jones']);
  source.addMessage(['INBOX'], mail('1'), ['\\Seen']);
  source.addMessage(['INBOX'], TWIN);
  source.addMessage(['INBOX'], TWIN);
  source.addMessage(['INBOX'], 'Subject: nul\r\n\r\na\0b\r\n');
  source.addMessage(['Gesendet'], TWIN, ['\\Answered', '$Label1']);
  source.addMessage(['Gesendet'], 'Subject: bare\n\nbare\n', [], '2001-02-03T04:05:06Z');
  source.addMessage(['Dr. Jones'], mail('7'));
  source.addMessage(['Dr. Jones'], mail('8'));
  if (variant.foreign) {
    target.addMessage(['INBOX'], TWIN);
    target.addMessage(['INBOX'], mail('not ours'));
  }
  return { variant, source, target, ledger, pace };
}

/** What happens at the source before each pass but the first. */
export const CHANGES: readonly ((world: World) => void)[] = [
  () => undefined,
  ({ source }) => {
    source.removeMessage(['INBOX'], 1);
    source.addMessage(['INBOX'], TWIN);
    source.addMessage(['Neu'], mail('9'));
    source.setFlags(['Gesendet'], 1, ['\\Flagged', '$Label1']);
    source.moveMessage(['Dr. Jones'], 1, ['INBOX']);
    source.renumber(['Dr. Jones']);
    source.addMessage(['Dr. Jones'], mail('8'));
  },
  ({ source }) => {
    source.renameFolder(['Neu'], ['Alt']);
    source.moveMessage(['Gesendet'], 2, ['Alt']);
    source.setFlags(['INBOX'], 3, ['\\Seen']);
    source.setFlags(['Gesendet'], 1, []);
    source.removeMessage(['INBOX'], 4);
    source.addMessage(['Alt'], mail('10'), ['\\Draft']);
  },
];

/** One attempt at a pass, which may die on the way. */
export async function copy(world: World, pass: Pass, death: Death = LIVE) {
  const lease = await world.ledger.takeLease(MAILBOX.id, 'worker');
  const mortality = createMortality(death);
  const source = (): MailSource => mortality.wrap('source', world.source.openSource(), SOURCE_STREAMS);
  const target = (): MailTarget => {
    const open = world.target.openTarget();
    const keys = open.keys && mortality.wrap('keys', open.keys, ['find']);
    const wrapped = mortality.wrap('target', open, TARGET_STREAMS);
    return new Proxy(wrapped, { get: (each, key) => (key === 'keys' ? keys : Reflect.get(each, key)) });
  };
  let left = world.variant.spareLanes;
  const lanes: LaneOptions = {
    async open() {
      if (left === 0) return null;
      left -= 1;
      return { source: source(), target: target(), isWanted: async () => false, close: async () => undefined };
    },
    pace: world.pace,
  };
  const run = copyMailbox({
    source: source(),
    target: target(),
    ledger: mortality.wrap('ledger', world.ledger, LEDGER_STREAMS),
    lease,
    mailbox: MAILBOX,
    pass,
    signal: new AbortController().signal,
    ...ALONE,
    lanes,
    // Four lanes want more than four units: single messages at first.
    failures: left > 0 ? 4 : 0,
  });
  return { report: await run, calls: mortality.calls(), names: mortality.names };
}

/** The target as its owner sees it: folders with their messages, in any order. */
export function seen({ target }: World): Readonly<Record<string, readonly string[]>> {
  const folders = target.folders.map(({ path, messages }) => {
    const mails = messages.map(({ raw, flags, internalDate }) => [raw.toString('latin1'), [...flags], internalDate]);
    return [path.join('/'), mails.map((each) => JSON.stringify(each)).toSorted()] as const;
  });
  return Object.fromEntries(folders);
}

/** Subject → how many messages have it: tells all that this world holds apart, and survives a repair. */
export function countSubjects({ folders }: MemoryMailSystem): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { raw } of folders.flatMap(({ messages }) => messages)) {
    const [, subject = ''] = /^Subject: (.*?)\r?\n/m.exec(raw.toString('latin1')) ?? [];
    counts.set(subject, (counts.get(subject) ?? 0) + 1);
  }
  return counts;
}

function mail(subject: string): string {
  return `Subject: ${subject}\r\n\r\n${subject}\r\n`;
}
