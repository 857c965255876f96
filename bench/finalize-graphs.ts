/**
 * What does it cost to finalize graphs, and how does that grow? Measures rows read and written and the time
 * for each inclusion, beside the naive rule (whenever a child is finalized, look at all children of its
 * parent), and beside the least that finalization could do: a transaction for each inclusion that updates
 * one row, by as many connections.
 *
 *     npm run bench -- finalize-graphs [--sizes 1000,10000,100000] [--shapes star,ring]
 *       [--naive 1000] [--compared 10000] [--no-seqscan] [--unsafe-fast] [--json]
 *
 * It runs on a real PostgreSQL, from one process, as a server does it: owners finalize a batch of
 * invocations, then the queue is processed.
 */

import { Dispatcher, TaskQueue } from '@postlude/queue';
import { chunk, seededRandom, systemClock } from '@postlude/queue/foundations';
import { openPostgres } from '@postlude/queue/postgres';
import { type Database, int, sql, text } from '@postlude/queue/storage';
import { CommandLine } from '../scripts/command-line.ts';
import { finalizeHandler } from '../src/finalizer/handler.ts';
import { startFinalizations } from '../src/finalizer/schedule.ts';
import { type InvocationId, toRowId } from '../src/invocations/id.ts';
import { includedInvocations } from '../src/invocations/inclusions.ts';
import { insertInvocations, readInvocations } from '../src/invocations/invocations.ts';
import { invocations } from '../src/invocations/table.ts';
import { POSTLUDE_MIGRATIONS } from '../src/migrations/migrations.ts';
import { invocationId, newInvocation } from '../test/support/invocations/fixtures.ts';
import { SERVER_OPTIONS, startBenchServer } from './conditions/bench-server.ts';
import { readConditions } from './conditions/conditions.ts';
import { bareUpdates } from './graphs/bare-updates.ts';
import { difference, type RowCounts, readRowCounts } from './graphs/row-counts.ts';
import { SHAPES, type Shape, type ShapeName, shapeOf } from './graphs/shapes.ts';
import { type Costs, costsOf } from './rounds/costs.ts';
import { ratio } from './rounds/statistics.ts';

const line = new CommandLine({
  command: 'npm run bench -- finalize-graphs',
  options: {
    sizes: { type: 'string', default: '1000,10000,100000' },
    shapes: { type: 'string', default: SHAPES.join() },
    naive: { type: 'string', default: '1000' },
    /** The size of the star and the chain that are compared with bare transactions. */
    compared: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    'no-seqscan': { type: 'boolean', default: false },
    ...SERVER_OPTIONS,
  },
});
const SIZES = line.counts('sizes');
const SELECTED = line.list('shapes', SHAPES);
const SEED = line.count('seed', 0);
/** The size of the star for the naive rule, whose time grows with its square. */
const NAIVE_SIZE = line.count('naive');
const COMPARED = line.count('compared');
const WORKERS = 2;
const BATCH = 500;
const BARE_UPDATES = 1000;
/** The number of owners that finalize in one transaction. */
const OWNERS = 25;

interface Measurement extends RowCounts {
  readonly shape: ShapeName;
  readonly inclusions: number;
  readonly seconds: number;
  /** Bytes of log, commits and dead row versions for each inclusion. */
  readonly costs: Costs;
  /** Microseconds of a bare transaction, measured just before and after. */
  readonly bare_us: number;
}

const note = (line: string): void => console.error(line);
// Planners read small tables as a whole, so each of 1,000 inclusions may seem to cost more than of 100,000.
const planner = line.values['no-seqscan'] ? { enable_seqscan: 'off' } : {};
const server = await startBenchServer(line.values, planner);
try {
  const measured: Measurement[] = [];
  for (const shape of SELECTED) {
    for (const size of SIZES) measured.push(report(await measure(shape, size)));
  }
  const naive = await measureNaiveStar();
  note(`naive rule, star of ${NAIVE_SIZE}: ${naive.read + naive.written} rows`);
  const conditions = await readConditions(server.url);
  console.log(JSON.stringify({ ...summaryOf(measured, naive), conditions }));
} finally {
  await server.stop();
}

function report(measurement: Measurement): Measurement {
  const { shape, inclusions, read, written, seconds } = measurement;
  const each = (total: number): string => (total / inclusions).toFixed(2);
  note(
    `${shape} ${inclusions}: per inclusion ${each(read)} rows read, ${each(written)} written, ` +
      `${each(seconds * 1e6)} µs`,
  );
  return measurement;
}

async function measure(name: ShapeName, size: number): Promise<Measurement> {
  const schema = `${name}_${size}`;
  const shape = shapeOf(name, size, seededRandom(SEED));
  await withDatabase(schema, (db) => build(db, shape));
  const bareBefore = await bareMicroseconds();
  const before = await readRowCounts(server.url, schema);
  const inclusions = shape.inclusions.length;
  let seconds = 0;
  const costs = await costsOf(server.url, inclusions, async () => {
    const startedAt = performance.now();
    await withDatabase(schema, (db) => finalizeAll(db, shape));
    seconds = (performance.now() - startedAt) / 1000;
  });
  const rows = difference(await readRowCounts(server.url, schema), before);
  await withDatabase(schema, requireAllFinalized);
  const bare_us = (bareBefore + (await bareMicroseconds())) / 2;
  return { shape: name, inclusions, seconds, costs, bare_us, ...rows };
}

async function withDatabase<T>(schema: string, fn: (db: Database) => Promise<T>): Promise<T> {
  const db = await openPostgres({
    url: server.url,
    schema,
    migrations: [POSTLUDE_MIGRATIONS],
    maxConnections: WORKERS + 1,
  });
  try {
    await db.migrate();
    return await fn(db);
  } finally {
    await db.close();
  }
}

function idOf(node: number): InvocationId {
  return invocationId(`node-${node}`);
}

async function build(db: Database, { nodes, inclusions }: Shape): Promise<void> {
  const ids = Array.from({ length: nodes }, (_, node) => idOf(node));
  for (const batch of chunk(ids, 2000)) {
    await db.write((tx) =>
      insertInvocations(
        tx,
        batch.map((id) => newInvocation(id)),
      ),
    );
  }
  const rows = inclusions.map(([including, included]) => ({
    invocationId: toRowId(idOf(including)),
    includedInvocationId: toRowId(idOf(included)),
  }));
  for (const batch of chunk(rows, 2000)) {
    await db.write((tx) => tx.upsert(includedInvocations, batch));
  }
  await db.statement(sql`ANALYZE ${invocations}, ${includedInvocations}`, {});
}

async function finalizeAll(db: Database, { order }: Shape): Promise<void> {
  const queue = new TaskQueue({ db, clock: systemClock });
  const parts = { db, queue, clock: systemClock };
  const handlers = [finalizeHandler(parts)];
  const dispatcher = new Dispatcher({ queue, handlers, workers: WORKERS });
  for (const batch of chunk(order.map(idOf), BATCH)) {
    for (const few of chunk(batch, OWNERS)) {
      await db.write(async (tx) => {
        await readInvocations(tx, few); // as the request of an owner does
        await startFinalizations(
          parts,
          tx,
          few.map((id) => ({ id })),
        );
      });
    }
    await dispatcher.runOnce();
  }
}

async function requireAllFinalized(db: Database): Promise<void> {
  const query = sql`SELECT count(*) AS unfinished FROM ${invocations} WHERE state <> 3`;
  const [row] = await db.read((reader) => reader.query(query, { unfinished: int }));
  if (row?.unfinished !== 0) throw new Error(`${row?.unfinished} invocations are not FINALIZED`);
}

/** Children finish in random order; each time, all children of the parent are read. */
async function measureNaiveStar(): Promise<RowCounts> {
  const schema = 'naive_star';
  const shape = shapeOf('star', NAIVE_SIZE, seededRandom(SEED));
  await withDatabase(schema, (db) => build(db, shape));
  const before = await readRowCounts(server.url, schema);
  await withDatabase(schema, async (db) => {
    const [parent, ...children] = shape.order.map((node) => toRowId(idOf(node)));
    if (parent === undefined) return;
    for (const child of children) {
      const finalized = { invocationId: child, state: 3, finalizeTime: systemClock.now() };
      await db.write((tx) => tx.update(invocations, [{ invocationId: child, state: 2 }]));
      await db.write((tx) => tx.update(invocations, [finalized]));
      await db.read((reader) => reader.query(unfinishedOf(parent), { invocationId: text }));
    }
  });
  return difference(await readRowCounts(server.url, schema), before);
}

function unfinishedOf(parent: string) {
  return sql`SELECT s.invocation_id FROM ${includedInvocations} AS e
    JOIN ${invocations} AS s ON s.invocation_id = e.included_invocation_id
    WHERE e.invocation_id = ${parent} AND s.state <> 3`;
}

function summaryOf(measured: readonly Measurement[], naive: RowCounts) {
  const largest = Math.max(...SIZES);
  const smallest = Math.min(...SIZES);
  const of = (shape: ShapeName, size: number) =>
    measured.find((each) => each.shape === shape && each.inclusions === size);
  const rows = (each: RowCounts | undefined): number =>
    each ? each.read + each.written : Number.NaN;
  const growth = SELECTED.map((shape) => {
    const [large, small] = [of(shape, largest), of(shape, smallest)];
    if (!large || !small) return 0;
    return large.seconds / large.inclusions / (small.seconds / small.inclusions);
  });
  const ratios = {
    ...Object.fromEntries(
      SELECTED.map((shape) => [`rows_${shape}`, round(rows(of(shape, largest)) / largest)]),
    ),
    time_growth: round(Math.max(...growth)),
    ...comparison(of('star', COMPARED)),
    ...comparison(of('chain', COMPARED)),
    naive_star: round(rows(naive) / rows(of('star', NAIVE_SIZE))),
  };
  return { bench: 'finalize-graphs', ratios, measured };
}

/** The time of each inclusion, and how often a bare transaction fits into it. */
function comparison(
  measured: Measurement | undefined,
): Readonly<Record<string, number | undefined>> {
  if (measured === undefined) return {};
  const { shape, seconds, inclusions, bare_us } = measured;
  const us = Math.round((seconds / inclusions) * 1e6);
  return { [`${shape}_us`]: us, [`${shape}_over_bare`]: ratio(us, bare_us) };
}

function bareMicroseconds(): Promise<number> {
  return bareUpdates(server.url, { updates: BARE_UPDATES, connections: WORKERS });
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
