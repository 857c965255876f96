/** Compares what was acknowledged while PostgreSQL crashed with what is stored. */
import pg from 'pg';
import type { Tallies, Tally } from './crash-writers.ts';
import { SCHEMA, SERVED_SCHEMA, type WriteKind } from './crash-writes.ts';

export interface WriterCounts {
  readonly acknowledged: number;
  readonly stored: number;
  /** Writes that were acknowledged but are not stored, in all and for each kind. */
  readonly acknowledged_lost: number;
  readonly lost_by_kind: Readonly<Record<Exclude<WriteKind, 'bare'>, number>>;
  /** Writes that were definitely refused, but are stored. */
  readonly refused_stored: number;
  /** Transactions that landed more than once. */
  readonly twice: number;
  /** Pushed tasks that were submitted although their transactions did not commit. */
  readonly foreign_pushes: number;
  readonly outcome_unknown: number;
  readonly refused: number;
  /** Writes of the bare driver that were acknowledged but are not stored; a lost response proves nothing. */
  readonly bare: { readonly acknowledged: number; readonly lost: number };
}

const STORED: Readonly<Record<WriteKind, string>> = {
  tasks: `SELECT id AS number FROM ${SCHEMA}.tasks`,
  pushes: `SELECT number::text FROM ${SCHEMA}.pushed_numbers`,
  results: `SELECT result_id AS number FROM ${SERVED_SCHEMA}.test_results`,
  bare: `SELECT number::text FROM ${SCHEMA}.bare_numbers`,
};

export async function countCrashWrites(
  url: string,
  tallies: Tallies,
  submitted: ReadonlySet<number>,
): Promise<WriterCounts> {
  const rows = await readStored(url);
  const ours = ['tasks', 'pushes', 'results'] as const;
  const sum = (count: (tally: Tally, stored: ReadonlySet<number>) => number): number =>
    ours.reduce((total, kind) => total + count(tallies[kind], new Set(rows[kind])), 0);
  const lost = (kind: WriteKind): number =>
    missing(tallies[kind].acknowledged, new Set(rows[kind]));
  const bySort = { tasks: lost('tasks'), pushes: lost('pushes'), results: lost('results') };
  return {
    acknowledged: sum(({ acknowledged }) => acknowledged.size),
    stored: sum((_, stored) => stored.size),
    acknowledged_lost: bySort.tasks + bySort.pushes + bySort.results,
    lost_by_kind: bySort,
    refused_stored: sum(({ refused }, stored) => refused.size - missing(refused, stored)),
    twice: rows.pushes.length - new Set(rows.pushes).size,
    foreign_pushes: missing(submitted, new Set(rows.pushes)),
    outcome_unknown: sum(({ unknown }) => unknown),
    refused: sum(({ refused }) => refused.size),
    bare: { acknowledged: tallies.bare.acknowledged.size, lost: lost('bare') },
  };
}

function missing(numbers: ReadonlySet<number>, stored: ReadonlySet<number>): number {
  return [...numbers].filter((number) => !stored.has(number)).length;
}

async function readStored(url: string): Promise<Record<WriteKind, number[]>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const stored: Record<WriteKind, number[]> = { tasks: [], pushes: [], results: [], bare: [] };
  for (const [kind, text] of Object.entries(STORED)) {
    const { rows } = await client.query<{ number: string }>(text);
    stored[kind as WriteKind] = rows.map(({ number }) => Number(number));
  }
  await client.end();
  return stored;
}
