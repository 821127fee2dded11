import { findDoveadm } from './doveadm.ts';
import { findImapsync } from './imapsync.ts';
import { findMbsync } from './mbsync.ts';
import type { Tool } from './tool.ts';

const PEERS = { mbsync: findMbsync, doveadm: findDoveadm, imapsync: findImapsync };

/** Those of the other tools that are here; the others are named, so that a gap in a table is explained. */
export function findPeers(say: (text: string) => void): readonly Tool[] {
  return Object.entries(PEERS).flatMap(([name, find]) => {
    const tool = find();
    if (tool === null) say(`  ${name} is not here and is left out`);
    return tool === null ? [] : [tool];
  });
}

export function missingPeers(): readonly string[] {
  return Object.entries(PEERS).flatMap(([name, find]) => (find() === null ? [name] : []));
}
