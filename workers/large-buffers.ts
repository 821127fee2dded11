import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** So much may be thrown away before it is looked for; imapflow makes twice as much of it on the way. */
const COLLECT_EVERY_BYTES = 16 * 1024 * 1024;

/**
 * To be told of bytes of large messages that are thrown away, and before a large buffer is made. V8 counts buffers as outside of its
 * heap and lets several of 100 MB lie before it looks for those that nobody uses: a worker that copied such messages one at a time
 * was seen at 825 MB. A collection takes about 50 ms.
 */
export function createCollector(everyBytes: number = COLLECT_EVERY_BYTES): (bytes: number) => void {
  setFlagsFromString('--expose-gc');
  setFlagsFromString('--semi-space-growth-factor=1'); // the young generation grew by 70 MB for rows that live for milliseconds
  const collect: unknown = runInNewContext('gc');
  let since = 0;
  return (bytes) => {
    if (since >= everyBytes && typeof collect === 'function') {
      collect();
      since = 0;
    }
    since += bytes;
  };
}
