import pg from 'pg';

/** One node of a plan as EXPLAIN (FORMAT JSON) tells it. */
export interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly 'Rows Removed by Join Filter'?: number;
  readonly 'Shared Hit Blocks'?: number;
  readonly 'Shared Read Blocks'?: number;
  readonly Plans?: readonly PlanNode[];
}

export interface Explained {
  readonly Plan: PlanNode;
  readonly 'Planning Time': number;
  readonly 'Execution Time': number;
}

export interface Statement {
  readonly text: string;
  readonly parameters: readonly unknown[];
}

/** Plans and times; with `analyze` the statement is run, and undone. */
export async function explain(url: string, { text, parameters }: Statement, analyze: boolean): Promise<Explained> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('begin');
    const how = analyze ? 'analyze, buffers, format json' : 'format json';
    const { rows } = await client.query<{ 'QUERY PLAN': [Explained] }>(`explain (${how}) ${text}`, [...parameters]);
    await client.query('rollback');
    const [row] = rows;
    if (row === undefined) throw new Error('EXPLAIN says nothing');
    return row['QUERY PLAN'][0];
  } finally {
    await client.end();
  }
}

/** What reads message rows; not what writes them. */
export function messageScans(plan: PlanNode): PlanNode[] {
  return nodesOf(plan).filter((node) => /Scan$/.test(node['Node Type']) && /^messages/.test(nameOf(node)));
}

/** Rows that a scan looked at, kept or not. */
export function rowsRead(node: PlanNode): number {
  const { 'Rows Removed by Filter': filtered = 0, 'Rows Removed by Index Recheck': rechecked = 0 } = node;
  return ((node['Actual Rows'] ?? 0) + filtered + rechecked) * (node['Actual Loops'] ?? 0);
}

/** Pairs that a join looked at for nothing: the square of the window where rows are joined one with all. */
export function pairsRefused(plan: PlanNode): number {
  const refused = nodesOf(plan).map((node) => (node['Rows Removed by Join Filter'] ?? 0) * (node['Actual Loops'] ?? 1));
  return refused.reduce((sum, count) => sum + count, 0);
}

export function indexNames(plan: PlanNode): string[] {
  return [...new Set(nodesOf(plan).flatMap((node) => node['Index Name'] ?? []))];
}

function nameOf(node: PlanNode): string {
  return node['Relation Name'] ?? '';
}

function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}
