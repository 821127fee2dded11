import type { ThrottleStore } from '../../domain/ports/request-limiter.ts';
import { firstPace, grantOf, type Pace, type Share, UPLOAD_SLICE_MS } from '../../domain/throttle.ts';

interface Known {
  pace: Pace;
  readonly shares: Map<string, Share & { readonly expiresAtMs: number }>;
  readonly slices: Map<number, number>;
}

/** One object for all processes of a test; also for a program that has no database, whose own requests it keeps within limits. */
export function createMemoryThrottleStore(now: () => number = () => performance.now()): ThrottleStore {
  const all = new Map<string, Known>();
  const knownOf = (app: string, mailbox: string | null): Known => {
    const key = JSON.stringify([app, mailbox]);
    const known = all.get(key) ?? { pace: firstPace(now()), shares: new Map(), slices: new Map() };
    all.set(key, known);
    return known;
  };
  return {
    async exchange(report) {
      const nowMs = now();
      const { party, holder, validMs } = report;
      const mailbox = knownOf(party.app, party.mailbox);
      const application = knownOf(party.app, null);
      for (const [each, share] of mailbox.shares) if (share.expiresAtMs <= nowMs) mailbox.shares.delete(each);
      const { grant, ...paces } = grantOf(report, {
        nowMs,
        mailbox: mailbox.pace,
        application: application.pace,
        held: mailbox.shares.get(holder)?.places ?? 0,
        others: [...mailbox.shares].filter(([each]) => each !== holder).map(([, share]) => share),
        slices: [...mailbox.slices].map(([endMs, bytes]) => ({ endMs, bytes })),
      });
      mailbox.pace = paces.mailbox;
      if (party.mailbox !== null || report.slowDown?.whom === 'application') application.pace = paces.application;
      if (report.wanted === 0) mailbox.shares.delete(holder);
      else mailbox.shares.set(holder, { places: grant.places, wanted: report.wanted, expiresAtMs: nowMs + validMs });
      const endMs = (Math.floor(nowMs / UPLOAD_SLICE_MS) + 1) * UPLOAD_SLICE_MS;
      mailbox.slices.set(endMs, (mailbox.slices.get(endMs) ?? 0) + grant.uploadBytes);
      return grant;
    },
  };
}
