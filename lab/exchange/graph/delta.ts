import { randomBytes } from 'node:crypto';
import type { HttpAnswer } from '../front.ts';
import type { Item } from '../mail/items.ts';
import { graphRefusal } from '../refusal.ts';
import { type Filter, parseFilter } from './filter.ts';
import { getFolder, idOf, type Located, type MailCall, visibleIn } from './mailbox.ts';
import { matches } from './match.ts';
import { messageView, viewOf } from './message-view.ts';
import { checkOptions, linkTo, pageOf } from './query.ts';

/** With a filter no more than so many are followed (exchange.md §3). */
const MAX_FILTERED = 5_000;
/** Old ones are forgotten, as Exchange forgets them after some time. */
const MAX_TOKENS = 100;

/** What a caller was told: item by immutable id, in the version that it saw. */
type Told = ReadonlyMap<string, { readonly item: Item; readonly version: string }>;

interface Round {
  readonly changes: readonly (Located | { readonly removed: Item })[];
  readonly told: Told;
}

/** `GET mailFolders/{id}/messages/delta`: what came, changed and went since the round before (exchange.md §3). */
export class Delta {
  readonly #rounds = new Map<string, { readonly round: Round; readonly from: number }>();
  readonly #told = new Map<string, Told>();

  async answer(call: MailCall): Promise<HttpAnswer> {
    checkOptions(call);
    const folder = getFolder(call, call.ids[0] ?? '');
    const view = viewOf(call);
    const { round, from } = await this.#roundOf(call);
    const { top } = pageOf(call);
    const value: object[] = [];
    for (const change of round.changes.slice(from, from + top)) {
      if ('removed' in change) {
        value.push({ id: idOf(call, { folder, item: change.removed }), '@removed': { reason: 'deleted' } });
      } else {
        value.push(await messageView(call, change, view));
      }
    }
    const isLast = from + top >= round.changes.length;
    const token = randomBytes(12).toString('base64url');
    if (isLast) keep(this.#told, token, round.told);
    else keep(this.#rounds, token, { round, from: from + top });
    const query = new URLSearchParams([...call.query].filter(([name]) => !/^\$(skip|delta)token$/.test(name)));
    const link = linkTo({ ...call, query }, { [isLast ? '$deltatoken' : '$skiptoken']: token });
    return { status: 200, body: { value, [isLast ? '@odata.deltaLink' : '@odata.nextLink']: link } };
  }

  async #roundOf(call: MailCall): Promise<{ round: Round; from: number }> {
    const { query } = call;
    const skip = query.get('$skiptoken');
    if (skip !== null) return this.#rounds.get(skip) ?? forgotten();
    const since = query.get('$deltatoken');
    const told: Told = since === null ? new Map() : (this.#told.get(since) ?? forgotten());
    const now = await this.#present(call);
    const changes = [
      ...now.filter((located) => told.get(located.item.id)?.version !== versionOf(located)),
      ...[...told.values()]
        .filter(({ item }) => !now.some((located) => located.item === item))
        .map(({ item }) => ({ removed: item })),
    ];
    const seen = now.map((located) => [located.item.id, { item: located.item, version: versionOf(located) }] as const);
    return { round: { changes, told: new Map(seen) }, from: 0 };
  }

  async #present(call: MailCall): Promise<Located[]> {
    const found = visibleIn(call, getFolder(call, call.ids[0] ?? ''));
    found.sort((one, other) => other.message.internalDate.getTime() - one.message.internalDate.getTime());
    const text = call.query.get('$filter');
    if (text === null) return found;
    const filter = parseFilter(text);
    if (!isByDate(filter)) {
      throw graphRefusal(400, 'ErrorInvalidUrlQueryFilter', 'Delta filters by receivedDateTime ge or gt only.');
    }
    const kept: Located[] = [];
    for (const located of found) if (await matches(call.world, located, filter)) kept.push(located);
    return kept.slice(0, MAX_FILTERED);
  }
}

function isByDate(filter: Filter): boolean {
  return filter.op === 'compare' && filter.path === 'receivedDateTime' && /^g[et]$/.test(filter.by);
}

function versionOf({ item, message }: Located): string {
  return `${item.changeKey} ${message.modSeq}`;
}

function keep<Value>(map: Map<string, Value>, token: string, value: Value): void {
  map.set(token, value);
  const [oldest] = map.keys();
  if (map.size > MAX_TOKENS && oldest !== undefined) map.delete(oldest);
}

function forgotten(): never {
  throw graphRefusal(410, 'SyncStateNotFound', 'The sync state generation is not found; a new round has to begin.');
}
