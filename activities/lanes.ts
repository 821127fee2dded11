import type { Lane } from '../domain/copy-context.ts';
import type { SpareLane } from '../domain/lanes.ts';
import type { MailAccount, MailTarget } from '../domain/ports/mail.ts';
import type { SourceSession, SourceSessions } from './source-sessions.ts';

export interface OpenLane extends Lane {
  /** Never throws. */
  close(): Promise<void>;
}

type OpenTarget = () => Promise<MailTarget>;

/**
 * Both sides at the same time, as each takes several round trips; the target not before there is a place at the source, which may
 * take longer than a server keeps an idle connection.
 * @throws what either side throws; nothing stays open then
 */
export async function openFirstLane(
  sessions: SourceSessions,
  source: MailAccount,
  openTarget: OpenTarget,
  signal: AbortSignal,
): Promise<OpenLane> {
  let opening: Promise<MailTarget> | null = null;
  const begin = () => {
    opening ??= openTarget();
    return opening;
  };
  const session = sessions.open(source, signal, () => void begin().catch(() => undefined));
  const lane = await pair(session, () => session.then(begin, () => opening));
  if (lane === null) throw new Error('unreachable: a first lane has both sides or a fault');
  return lane;
}

/** @returns null where no further connection to the source is granted now; it is granted only while nobody waits for a first one */
export async function openSpareLane(
  sessions: SourceSessions,
  source: MailAccount,
  openTarget: OpenTarget,
  signal: AbortSignal,
): Promise<SpareLane | null> {
  const lane = await pair(sessions.findSpare(source, signal), openTarget);
  return lane && { ...lane, isWanted: () => sessions.isWanted(source) };
}

/**
 * No more than `limit` open at once, whoever asks and however many ask at the same time: a place is taken before the wait for the
 * server, and given back when the lane closes or could not be opened.
 * @returns an opener that tells null where no place is free
 */
export function atMost<L>(limit: number, open: () => Promise<SpareLane<L> | null>): () => Promise<SpareLane<L> | null> {
  let taken = 0;
  return async () => {
    if (taken >= limit) return null;
    taken += 1;
    let lane: SpareLane<L> | null = null;
    try {
      lane = await open();
    } finally {
      if (lane === null) taken -= 1;
    }
    return lane && givingBack(lane, () => (taken -= 1));
  };
}

function givingBack<L>(lane: SpareLane<L>, giveBack: () => void): SpareLane<L> {
  return {
    ...lane,
    async close() {
      await lane.close();
      giveBack();
    },
  };
}

/** Waits for both sides; where one is missing the other is closed. */
async function pair(
  session: Promise<SourceSession | null>,
  openTarget: () => Promise<MailTarget | null>,
): Promise<OpenLane | null> {
  const [found, opened] = await Promise.allSettled([session, openTarget()]);
  const source = found.status === 'fulfilled' ? found.value : null;
  const target = opened.status === 'fulfilled' ? opened.value : null;
  if (source !== null && target !== null) {
    return {
      source: source.source,
      target,
      async close() {
        await Promise.all([source.close(), target.close()]);
      },
    };
  }
  await Promise.all([source?.close(), target?.close()]);
  for (const result of [found, opened]) if (result.status === 'rejected') throw result.reason;
  return null;
}
