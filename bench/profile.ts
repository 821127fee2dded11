import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What V8 writes with `--cpu-prof`, as far as it is used here. */
interface CpuProfile {
  readonly nodes: readonly { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  /** Ids of nodes. */
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

export interface ProfileShare {
  readonly name: string;
  readonly selfMs: number;
}

const ROOT = join(import.meta.dirname, '..');
const SHOWN = 15;

/**
 * Where the workers' JavaScript thread spent its time, by package and by function, without what it waited. Temporal's core has
 * threads of its own, which no profile of V8 sees.
 * @param folder  with the profiles of all workers that ended in good order
 */
export function describeProfiles(folder: string): string {
  const files = readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'));
  return files
    .toSorted()
    .map((name) => {
      const profile = JSON.parse(readFileSync(join(folder, name), 'utf8')) as CpuProfile; // V8's own format
      const lines = (shares: readonly ProfileShare[]) =>
        shares.map(({ name: what, selfMs }) => `${selfMs.toFixed(0).padStart(8)} ms  ${what}`).join('\n');
      return `${name}\n${lines(sharesOf(profile, packageOf))}\n\n${lines(sharesOf(profile, functionOf))}`;
    })
    .join('\n\n');
}

/** Self time summed by a name, the largest first. */
export function sharesOf(profile: CpuProfile, nameOf: (frame: Frame) => string): readonly ProfileShare[] {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const sums = new Map<string, number>();
  for (const [at, id] of profile.samples.entries()) {
    const name = names.get(id) ?? '(unknown)';
    sums.set(name, (sums.get(name) ?? 0) + (profile.timeDeltas[at] ?? 0) / 1_000);
  }
  sums.delete('(idle)');
  return [...sums]
    .map(([name, selfMs]) => ({ name, selfMs }))
    .toSorted((left, right) => right.selfMs - left.selfMs)
    .slice(0, SHOWN);
}

type Frame = CpuProfile['nodes'][number]['callFrame'];

function packageOf({ url, functionName }: Frame): string {
  const path = pathOf(url);
  const name = /^.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
  if (name !== undefined) return name;
  if (path === '') return functionName === '' ? '(native)' : functionName; // (program), (garbage collector), (idle)
  return path.startsWith('node:') ? 'node' : (path.split('/')[0] ?? path);
}

function functionOf(frame: Frame): string {
  const path = pathOf(frame.url);
  const name = frame.functionName === '' ? 'anonymous' : frame.functionName;
  return path === '' ? name : `${name} ${path}:${frame.lineNumber + 1}`;
}

function pathOf(url: string): string {
  return url.startsWith('file://') ? relative(ROOT, fileURLToPath(url)) : url;
}
