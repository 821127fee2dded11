import { MigrationError } from '../../domain/errors.ts';
import { PROBE_FOLDER_PREFIX, type ProbeSession, type RouteProber } from '../../domain/ports/route-probe.ts';
import type { Route } from '../../domain/routes.ts';
import type { MemoryMailSystem } from './mail.ts';

/** A probe of a mailbox in memory; the system is told what it does wrong. */
export function memoryProbe(system: MemoryMailSystem, isDraft: boolean | null = false): ProbeSession {
  const target = system.openTarget();
  return {
    target,
    makeProbeFolder: (name) => target.ensureFolder([name], null),
    async *listProbeFolders() {
      for await (const folder of target.listFolders()) {
        if (folder.path.at(-1)?.startsWith(PROBE_FOLDER_PREFIX)) yield folder;
      }
    },
    async removeProbeFolder({ path }) {
      const at = system.folders.findIndex((folder) => folder.path.join('/') === path.join('/'));
      if (at >= 0) system.folders.splice(at, 1);
    },
    findDraftState: async () => isDraft,
    close: () => target.close(),
  };
}

/** Each route to its own system; a route without one is not there. */
export function createMemoryProber(
  systems: Partial<Record<Route, MemoryMailSystem>>,
): RouteProber & { readonly opened: Route[] } {
  const opened: Route[] = [];
  return {
    opened,
    async openProbe(_account, route) {
      opened.push(route);
      const system = systems[route];
      if (system === undefined) throw new MigrationError('ROUTE_UNAVAILABLE', `there is no ${route}`);
      return memoryProbe(system);
    },
  };
}
