/**
 * What does it cost Spanner to finalize a graph? Measures commits, reads and rows written for each
 * invocation, counted at the API, and the time from the first FinalizeInvocation until the root is FINALIZED.
 *
 *     npm run bench -- spanner-finalize [--shapes star-200,chain-50] [--json]
 *
 * It runs on the official emulator, which runs one transaction at a time and reads whole tables for each
 * query. So the seconds mean something only beside those of another program on the same emulator; the counts
 * are those of the real Spanner.
 */

import { Dispatcher, LocalWakeUp, TaskQueue } from '@postlude/queue';
import { chunk, forEachLimit, seededRandom, systemClock } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { WakeSignal } from '../packages/queue/src/tasks/dispatch/wake-signal.ts';
import { CommandLine } from '../scripts/command-line.ts';
import { GroupedStarts } from '../src/finalizer/group/grouped-starts.ts';
import { finalizeHandler } from '../src/finalizer/handler.ts';
import { readFinalizationState } from '../src/invocations/finalization-state.ts';
import { type InvocationId, toRowId } from '../src/invocations/id.ts';
import { includedInvocations } from '../src/invocations/inclusions.ts';
import { insertInvocations } from '../src/invocations/invocations.ts';
import { invocationId, newInvocation } from '../test/support/invocations/fixtures.ts';
import { readConditions } from './conditions/conditions.ts';
import { SHAPES, type Shape, shapeOf } from './graphs/shapes.ts';
import { difference, each, type OpenCounted, onSpanner, round } from './graphs/spanner-bench.ts';
import type { CallCounts } from './graphs/spanner-calls.ts';

const line = new CommandLine({
  command: 'npm run bench -- spanner-finalize',
  options: {
    shapes: { type: 'string', default: 'star-200,star-1000,chain-50,chain-200' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const SEED = line.count('seed', 0);
const CALLERS = 8;

/** Each graph is a shape and a size. */
const SELECTED = line.values.shapes.split(',').map((name) => {
  const [, kind, size] = /^([a-z]+)-([1-9]\d*)$/.exec(name) ?? [];
  const shape = SHAPES.find((one) => one === kind);
  if (!shape) return line.refuse(`--shapes ${name}: there is ${SHAPES.join('-N, ')}-N`);
  return { name, shape, size: Number(size) };
});

interface Measurement extends CallCounts {
  readonly shape: string;
  readonly invocations: number;
  readonly seconds: number;
}

await onSpanner(async (open) => {
  const measured: Measurement[] = [];
  for (const one of SELECTED) measured.push(report(await measure(open, one)));
  const conditions = await readConditions();
  console.log(JSON.stringify({ ...summaryOf(measured), conditions }));
});

async function measure(
  open: OpenCounted,
  { name, shape: kind, size }: (typeof SELECTED)[number],
): Promise<Measurement> {
  const shape = shapeOf(kind, size, seededRandom(SEED));
  const { db, counts } = await open(`bench_${kind}_${size}`);
  try {
    await build(db, shape);
    const before = counts();
    const startedAt = performance.now();
    await finalizeAll(db, shape);
    const seconds = round((performance.now() - startedAt) / 1000);
    return { shape: name, invocations: shape.nodes, seconds, ...difference(counts(), before) };
  } finally {
    await db.close();
  }
}

async function build(db: Database, { nodes, inclusions }: Shape): Promise<void> {
  const ids = Array.from({ length: nodes }, (_, node) => idOf(node));
  const rows = inclusions.map(([including, included]) => ({
    invocationId: toRowId(idOf(including)),
    includedInvocationId: toRowId(idOf(included)),
  }));
  for (const batch of chunk(ids, 500)) {
    const invocations = batch.map((id) => newInvocation(id));
    await db.write((tx) => insertInvocations(tx, invocations));
  }
  for (const batch of chunk(rows, 500)) {
    await db.write((tx) => tx.upsert(includedInvocations, batch));
  }
}

/** Finalizes as a server does: this many owners call at once while a dispatcher works. */
async function finalizeAll(db: Database, { order }: Shape): Promise<void> {
  const wakeUp = new LocalWakeUp();
  const queue = new TaskQueue({ db, clock: systemClock, wakeUp });
  const topChanged = new WakeSignal(systemClock);
  const onChange = (ids: readonly InvocationId[]): void => {
    if (ids.includes(idOf(0))) topChanged.wake();
  };
  const parts = { db, queue, clock: systemClock, onChange };
  const handlers = [finalizeHandler(parts)];
  const dispatcher = new Dispatcher({ queue, handlers, wakeUp });
  const stop = new AbortController();
  const running = dispatcher.run(stop.signal);
  const starts = new GroupedStarts({ db, finalizer: parts }); // as the RPC has
  await forEachLimit(order.map(idOf), CALLERS, async (id) => {
    await starts.start(id);
  });
  while ((await db.read((tx) => readFinalizationState(tx, idOf(0))))?.state !== 'FINALIZED') {
    await topChanged.wait(1_000);
  }
  stop.abort();
  await running;
}

function idOf(node: number): InvocationId {
  return invocationId(`node-${node}`);
}

function report(measurement: Measurement): Measurement {
  const { shape, seconds, aborts } = measurement;
  const { commits, reads, mutations } = each(measurement, measurement.invocations);
  console.error(
    `${shape}: per invocation ${commits} commits, ${reads} reads, ${mutations} rows written; ` +
      `${seconds} s, ${aborts} aborts`,
  );
  return measurement;
}

/** Returns what each invocation of the largest star and of the longest chain cost, and all seconds. */
function summaryOf(measured: readonly Measurement[]) {
  const ratios = {
    ...costsOfLargest(measured, 'star'),
    ...costsOfLargest(measured, 'chain'),
    ...Object.fromEntries(
      measured.map(({ shape, seconds }) => [`seconds_${shape.replace('-', '_')}`, seconds]),
    ),
  };
  return { bench: 'spanner-finalize', ratios, measured };
}

/** Names them for the shape: `star_commits`, `star_reads`, `star_rows`. */
function costsOfLargest(measured: readonly Measurement[], kind: 'star' | 'chain'): object {
  const [largest] = measured
    .filter(({ shape }) => shape.startsWith(`${kind}-`))
    .toSorted((a, b) => b.invocations - a.invocations);
  if (largest === undefined) return {};
  const { commits, reads, mutations } = each(largest, largest.invocations);
  return { [`${kind}_commits`]: commits, [`${kind}_reads`]: reads, [`${kind}_rows`]: mutations };
}
