/** A message over 8 MiB goes alone: its neighbours do not wait for it. */
export const LARGE_BYTES = 8 * 1024 * 1024;

/** Bytes that may be in flight at the same time in this process, over all mailboxes: memory does not grow with what is moved. */
export interface ByteBudget {
  /**
   * Waits until there is room, first come first served. Large messages have a half of their own, so that nobody waits behind
   * them; one that is more than this half waits until no other large one is under way, and is all that goes beyond the budget.
   * @returns gives the room back; twice is the same as once
   * @throws the signal's reason when aborted meanwhile
   */
  take(bytes: number, signal: AbortSignal): Promise<() => void>;
}

/**
 * 40 MiB a worker: half of it is what five lanes keep in flight at 2 MiB a unit, read ahead by one. More made no copy faster, and
 * with 64 MiB a worker beside messages of 100 MB was over 400 MB.
 */
export const BYTES_IN_FLIGHT = 40 * 1024 * 1024;

interface Waiter {
  readonly bytes: number;
  readonly admit: () => void;
}

/** @param beforeLarge  called each time before a large message gets its room, e.g. to make sure that the one before it is gone */
export function createByteBudget(
  capacity: number = BYTES_IN_FLIGHT,
  beforeLarge: (bytes: number) => void = () => {},
): ByteBudget {
  const half = Math.ceil(capacity / 2);
  const small = createQueue(half, () => {});
  const large = createQueue(half, beforeLarge);
  return { take: (bytes, signal) => (bytes > LARGE_BYTES ? large : small).take(bytes, signal) };
}

function createQueue(capacity: number, beforeEach: (bytes: number) => void): ByteBudget {
  let free = capacity;
  const queue: Waiter[] = [];

  const admit = () => {
    for (let [first] = queue; first !== undefined && first.bytes <= free; [first] = queue) {
      queue.shift();
      free -= first.bytes;
      first.admit();
    }
  };

  return {
    async take(wanted, signal) {
      signal.throwIfAborted();
      const bytes = Math.min(wanted, capacity);
      let held = false;
      await new Promise<void>((resolve, reject) => {
        const leave = () => {
          const at = queue.indexOf(waiter);
          if (at >= 0) queue.splice(at, 1);
          reject(signal.reason);
          admit();
        };
        const waiter: Waiter = {
          bytes,
          admit: () => {
            signal.removeEventListener('abort', leave);
            held = true;
            beforeEach(wanted);
            resolve();
          },
        };
        signal.addEventListener('abort', leave, { once: true });
        queue.push(waiter);
        admit();
      });
      return () => {
        if (!held) return;
        held = false;
        free += bytes;
        admit();
      };
    },
  };
}
