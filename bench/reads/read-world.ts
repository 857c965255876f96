/**
 * What the reads are made of: one run with a million results, half of them in one of its invocations and half
 * in a thousand others, in a realm that has a million more invocations, of which some wait in chains. The
 * database makes the rows itself, as sending them would take minutes.
 */
import { type Database, raw } from '@postlude/queue/storage';
import type { InvocationId } from '../../src/invocations/id.ts';
import { toRowId } from '../../src/invocations/id.ts';
import { variantHash } from '../../src/results/variant.ts';
import { writeGraph } from '../../test/support/exports/export-graph.ts';

export const SCHEMA = 'bench';
export const REALM = 'acme:ci';
export const RUN = 'run';
export const LARGE = 'large';
const SHARDS = 1_000;
/** A statement has a time limit. */
const STATEMENT_ROWS = 20_000;
export const CHAIN = 5;
/** The chains begin at every so many invocations. */
export const CHAIN_EVERY = 1_000;

export async function fillReadWorld(db: Database, rows: number): Promise<void> {
  const shards = Array.from({ length: SHARDS }, (_, index) => `shard-${index}`);
  await writeGraph(db, {
    [RUN]: { includes: [LARGE, ...shards] },
    [LARGE]: {},
    ...Object.fromEntries(shards.map((id) => [id, {}])),
  });
  const half = Math.floor(rows / 2);
  await fillResults(db, LARGE, half);
  for (const shard of shards) await fillResults(db, shard, Math.ceil(half / SHARDS));
  await fillInvocations(db, rows);
  await db.statement(raw(`ANALYZE ${SCHEMA}.test_results, ${SCHEMA}.invocations`), {});
}

async function fillResults(db: Database, id: string, rows: number): Promise<void> {
  for (const numbers of ranges(rows)) await fillSomeResults(db, id, numbers);
}

/** Yields calls that generate all numbers up to `rows`. */
function* ranges(rows: number): Generator<string> {
  for (let first = 1; first <= rows; first += STATEMENT_ROWS) {
    yield `generate_series(${first}, ${Math.min(rows, first + STATEMENT_ROWS - 1)})`;
  }
}

async function fillSomeResults(db: Database, id: string, numbers: string): Promise<void> {
  const hash = variantHash({ builder: 'release', os: 'linux' });
  await db.statement(
    raw(`INSERT INTO ${SCHEMA}.test_results (invocation_id, test_id, result_id, variant,
        variant_hash, is_unexpected, status, summary_html, start_time, run_duration_micros, tags)
      SELECT '${toRowId(id as InvocationId)}', 'src/cart.test.ts > case ' || n, 'r1',
        ARRAY['builder:release', 'os:linux'], '${hash}',
        CASE WHEN n % 50 = 0 THEN true END, CASE WHEN n % 50 = 0 THEN 2 ELSE 1 END,
        CASE WHEN n % 50 = 0 THEN repeat('<p>expected ' || n || '</p>', 40) END,
        timestamptz '2026-01-02 03:04:05Z' + n * interval '1 ms', n % 100000, ARRAY['owner:shop']
      FROM ${numbers} AS n`),
    {},
  );
}

export function invocationAt(number: number): string {
  return `inv-${number}`;
}

/** Each is FINALIZED, except for the chains: each of those waits for the next, and the last is ACTIVE. */
async function fillInvocations(db: Database, rows: number): Promise<void> {
  for (const numbers of ranges(rows)) await fillSomeInvocations(db, numbers);
}

async function fillSomeInvocations(db: Database, numbers: string): Promise<void> {
  const rowId = (n: string): string =>
    `substr(encode(sha256(('inv-' || ${n})::bytea), 'hex'), 1, 8) || ':inv-' || ${n}`;
  await db.statement(
    raw(`INSERT INTO ${SCHEMA}.invocations (invocation_id, state, realm, create_time, deadline,
        finalize_time, expiration_time, tags, bigquery_exports, blocker_id, blocker_end_id)
      SELECT ${rowId('n')},
        CASE WHEN place < ${CHAIN - 1} THEN 2 WHEN place = ${CHAIN - 1} THEN 1 ELSE 3 END, '${REALM}',
        timestamptz '2026-01-02 03:04:05Z' + n * interval '1 second', now(),
        CASE WHEN place >= ${CHAIN} THEN now() END, timestamptz '2099-01-01 00:00:00Z', ARRAY['ci/branch:main'], '{}',
        CASE WHEN place < ${CHAIN - 1} THEN ${rowId('(n + 1)')} END,
        CASE WHEN place < ${CHAIN - 1} THEN ${rowId(`(n - place + ${CHAIN - 1})`)} END
      FROM (SELECT n, n % ${CHAIN_EVERY} AS place FROM ${numbers} AS n) AS numbers`),
    {},
  );
}
