import type { MadeObject, MadeRow } from './made.ts';

/** What shows that somebody has used a mailbox. */
export interface MailboxUse {
  readonly items: number;
  /** RFC 3339; null: nobody; `unknown`: the tenant does not tell. */
  readonly lastSignInAt: string | null | 'unknown';
}

export interface UndoInput {
  readonly rows: readonly MadeRow[];
  /** By address; null: the mailbox is not there (yet). */
  readonly uses: ReadonlyMap<string, MailboxUse | null>;
  /** Messages that this migration has put into it. */
  readonly delivered: ReadonlyMap<string, number>;
  /** Members of lists now; null: no such list. */
  readonly members: ReadonlyMap<string, readonly string[] | null>;
}

export interface UndoStep {
  readonly object: MadeObject;
  readonly action: 'remove' | 'leave' | 'gone';
  /** Why it is left; empty else. */
  readonly why: string;
}

/** Add-ons that are no part of the mailbox: a rule of the tenant names it. */
const IN_RULES: readonly string[] = ['spam-filter', 'advanced-security'];

/** Last made, first taken back; settings go back before their mailbox goes. */
const ORDER: readonly MadeRow['kind'][] = [
  'setting',
  'add-on',
  'send-as',
  'member',
  'list',
  'alias',
  'licence',
  'shared-mailbox',
  'user',
];

/**
 * What of this migration's own work can be taken back: only what it made, and only what nobody has used since. A mailbox counts as used
 * when it holds more than we put into it, or when anybody signed in to it, or when that cannot be known; what belongs
 * to it stays with it. A list counts as used when others have put somebody into it.
 */
export function planUndo({ rows, uses, delivered, members }: UndoInput): UndoStep[] {
  const live = rows.filter(({ state }) => state !== 'undone');
  const used = new Map<string, string>();
  for (const { kind, address } of live) {
    if (kind !== 'user' && kind !== 'shared-mailbox' && kind !== 'licence') continue;
    const why = whyUsed(uses.get(address) ?? null, delivered.get(address) ?? 0);
    if (why !== null) used.set(address, why);
  }
  const ours = (list: string) =>
    new Set(live.filter(({ kind, address }) => kind === 'member' && address === list).map(({ detail }) => detail));
  const goes = new Set(
    live
      .filter(({ kind, address }) => (kind === 'user' || kind === 'shared-mailbox') && !used.has(address))
      .map(({ address }) => address),
  );
  const stepOf = ({ kind, address, detail }: MadeRow): UndoStep => {
    const object = { kind, address, detail };
    const leave = (why: string): UndoStep => ({ object, action: 'leave', why });
    const use = used.get(address);
    switch (kind) {
      case 'setting':
        return { object, action: 'remove', why: '' };
      case 'list': {
        const present = members.get(address) ?? null;
        if (present === null) return { object, action: 'gone', why: '' };
        const others = present.filter((member) => !ours(address).has(member));
        return others.length === 0
          ? { object, action: 'remove', why: '' }
          : leave(`others have put ${others.length} members into it`);
      }
      case 'member':
        if ((members.get(address) ?? null) === null) return { object, action: 'gone', why: '' };
        return used.has(detail) ? leave(`${detail} is used`) : { object, action: 'remove', why: '' };
      case 'add-on':
        if (goes.has(address) && !IN_RULES.includes(detail)) return { object, action: 'gone', why: '' };
        return use === undefined ? { object, action: 'remove', why: '' } : leave(use);
      case 'licence':
      case 'alias':
      case 'send-as':
        if (goes.has(address)) return { object, action: 'gone', why: '' };
        return use === undefined ? { object, action: 'remove', why: '' } : leave(use);
      case 'user':
      case 'shared-mailbox':
        return use === undefined ? { object, action: 'remove', why: '' } : leave(use);
    }
  };
  return live.toSorted((one, other) => ORDER.indexOf(one.kind) - ORDER.indexOf(other.kind)).map(stepOf);
}

function whyUsed(use: MailboxUse | null, delivered: number): string | null {
  if (use === null) return null;
  if (use.items > delivered) return `it holds ${use.items} messages, of which this migration brought ${delivered}`;
  if (use.lastSignInAt === 'unknown')
    return 'the tenant does not tell whether anybody has signed in (AuditLog.Read.All)';
  if (use.lastSignInAt !== null) return `somebody signed in at ${use.lastSignInAt}`;
  return null;
}
