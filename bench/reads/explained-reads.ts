/** Records the queries that a piece of work sends to PostgreSQL, and explains them. */
import type { Database, Reader, Sql } from '@postlude/queue/storage';
import pg from 'pg';
import { type CompiledSql, compile } from '../../packages/queue/src/storage/sql.ts';

export interface Plans {
  readonly queries: number;
  /** The tables that a plan read as a whole although they are large. */
  readonly sequential_scans: readonly string[];
  /** The most rows that a sort took in. */
  readonly sorted_rows: number;
  /** All rows that were read from tables and indexes. */
  readonly rows_read: number;
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Tables with fewer rows are read faster as a whole. */
const SMALL_ROWS = 1_000;

/** Returns a database that behaves like `db`, and the queries that it has been asked. */
export function recordQueries(db: Database): { readonly db: Database; readonly asked: Sql[] } {
  const asked: Sql[] = [];
  const read: Database['read'] = (fn, options) =>
    db.read((reader) => fn(new Proxy(reader, { get: recordIn(asked) })), options);
  const recording = new Proxy(db, {
    get: (target, property) => (property === 'read' ? read : bound(target, property)),
  });
  return { db: recording, asked };
}

function recordIn(asked: Sql[]) {
  return (reader: Reader, property: string | symbol): unknown => {
    const value = bound(reader, property);
    if ((property !== 'query' && property !== 'stream') || typeof value !== 'function') {
      return value;
    }
    return (query: Sql, ...others: unknown[]) => {
      asked.push(query);
      return value(query, ...others);
    };
  };
}

function bound(target: object, property: string | symbol): unknown {
  const value: unknown = Reflect.get(target, property);
  return typeof value === 'function' ? value.bind(target) : value;
}

/** Runs the queries once more, each with EXPLAIN. */
export async function explainAll(
  asked: readonly Sql[],
  { schema, url }: { readonly schema: string; readonly url: string },
): Promise<Plans> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const plans: PlanNode[] = [];
    for (const query of asked) plans.push(await explain(client, inSchema(query, schema)));
    return summaryOf(plans);
  } finally {
    await client.end();
  }
}

function summaryOf(plans: readonly PlanNode[]): Plans {
  const nodes = plans.flatMap(nodesOf);
  const of = (type: RegExp) => nodes.filter((node) => type.test(node['Node Type']));
  return {
    queries: plans.length,
    sequential_scans: of(/^Seq Scan$/)
      .filter((node) => rowsIn(node) > SMALL_ROWS)
      .map((node) => node['Relation Name'] ?? '?'),
    sorted_rows: Math.max(0, ...of(/Sort$/).flatMap(({ Plans = [] }) => Plans.map(rowsOut))),
    rows_read: of(/^(Seq|Index|Index Only|Bitmap Heap) Scan$/).reduce(
      (sum, node) => sum + rowsIn(node),
      0,
    ),
  };
}

function inSchema(query: Sql, schema: string): CompiledSql {
  return compile(query, {
    placeholder: (position) => `$${position}`,
    tableName: (name) => `${schema}.${name}`,
  });
}

async function explain(client: pg.Client, { params, text }: CompiledSql): Promise<PlanNode> {
  const values = params.map(({ kind, value }) =>
    kind === 'timestamp' ? new Date(Number(value)) : value,
  );
  const { rows } = await client.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, values);
  return rows[0]['QUERY PLAN'][0].Plan as PlanNode;
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

function rowsOut(node: PlanNode): number {
  return node['Actual Rows'] * node['Actual Loops'];
}

function rowsIn(node: PlanNode): number {
  return rowsOut(node) + (node['Rows Removed by Filter'] ?? 0) * node['Actual Loops'];
}
