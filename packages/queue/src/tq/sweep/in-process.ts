/**
 * Sweeps all reminders in this process: it scans ranges of their ids, a few at once, and submits the stale ones
 * in batches. The sizes below bound its memory, whatever the number of reminders. Any number of processes
 * may sweep at once: they do some work more than once, and lose nothing.
 */
import { forEachLimit } from '../../foundations/concurrency.ts';
import { CodedError, toError } from '../../foundations/errors.ts';
import type { Random } from '../../foundations/random.ts';
import type { SubmitParts } from '../submit/submit.ts';
import { addCounts, NO_COUNTS, type SweepCounts, sweepBatch } from './batch.ts';
import { Batcher } from './batcher.ts';
import { splitPartition, UNIVERSE } from './partition.ts';
import { SCAN_LIMITS, type Scan, type ScanLimits, type SweepRange, scan } from './scan.ts';
import { WorkSet } from './work-set.ts';

export interface InProcessSweepParts extends SubmitParts {
  readonly random: Random;
}

export interface InProcessSweepOptions extends Partial<ScanLimits> {
  /** Into how many ranges the ids are cut, and how many of them are scanned at once: 16 unless given. */
  readonly shards?: number;
  /** How many reminders are submitted and settled together: 128 unless given. */
  readonly batchSize?: number;
  /** How many batches are under way at once: 8 unless given. */
  readonly batchesAtOnce?: number;
}

export interface SweepSummary extends SweepCounts {
  /** How many reminders were seen. */
  readonly scanned: number;
  /** How many of them were stale. */
  readonly stale: number;
  /** Whether no failure, abort or limit cut the sweep short: all was scanned, and no batch was left over. */
  readonly isWhole: boolean;
}

const DEFAULTS = { ...SCAN_LIMITS, shards: 16, batchSize: 128, batchesAtOnce: 8 };

export class InProcessSweep {
  readonly #parts: InProcessSweepParts;
  readonly #options: Required<InProcessSweepOptions>;
  #isRunning = false;

  constructor(parts: InProcessSweepParts, options: InProcessSweepOptions = {}) {
    this.#parts = parts;
    this.#options = { ...DEFAULTS, ...options };
  }

  /**
   * Runs one sweep. If `signal` aborts, it ends early, after it has settled what has begun. Failures of
   * the database are logged and show in the summary. Throws `failed-precondition` if a sweep is under way.
   */
  async run(signal: AbortSignal): Promise<SweepSummary> {
    if (this.#isRunning) throw new CodedError('failed-precondition', 'a sweep is under way here');
    this.#isRunning = true;
    try {
      return await sweepAll(this.#parts, this.#options, signal);
    } finally {
      this.#isRunning = false;
    }
  }
}

async function sweepAll(
  parts: InProcessSweepParts,
  options: Required<InProcessSweepOptions>,
  signal: AbortSignal,
): Promise<SweepSummary> {
  const tally = new Tally();
  const batcher = new Batcher({
    batchSize: options.batchSize,
    concurrency: options.batchesAtOnce,
    run: async (ids) => tally.addBatch(await runBatch(parts, ids, signal)),
  });
  const ranges = new WorkSet(firstRanges(options.shards), parts.random);
  await forEachLimit(ranges, options.shards, async (range) => {
    let followUps: readonly SweepRange[] = [];
    try {
      const found = await scan(parts, { range, limits: options, signal });
      tally.addScan(found);
      await batcher.add(found.stale);
      if (!signal.aborted) followUps = found.followUps;
    } finally {
      ranges.done(followUps);
    }
  });
  await batcher.close();
  return tally.summary(signal);
}

function firstRanges(shards: number): SweepRange[] {
  return splitPartition(UNIVERSE, shards).map((partition) => ({ partition, level: 0 }));
}

type BatchResult = { readonly counts: SweepCounts; readonly isWhole: boolean };

async function runBatch(
  parts: InProcessSweepParts,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<BatchResult> {
  const failed: BatchResult = { counts: { ...NO_COUNTS, kept: ids.length }, isWhole: false };
  if (signal.aborted) return failed;
  try {
    return { counts: await sweepBatch(parts, ids, signal), isWhole: true };
  } catch (error) {
    parts.log.error('a batch of reminders is left to the next sweep', {
      reminders: ids.length,
      error: toError(error),
    });
    return failed;
  }
}

class Tally {
  #scanned = 0;
  #stale = 0;
  #counts = NO_COUNTS;
  #isWhole = true;

  addScan({ scanned, stale, isWhole }: Scan): void {
    this.#scanned += scanned;
    this.#stale += stale.length;
    this.#isWhole &&= isWhole;
  }

  addBatch({ counts, isWhole }: BatchResult): void {
    this.#counts = addCounts(this.#counts, counts);
    this.#isWhole &&= isWhole;
  }

  summary(signal: AbortSignal): SweepSummary {
    return {
      scanned: this.#scanned,
      stale: this.#stale,
      ...this.#counts,
      isWhole: this.#isWhole && !signal.aborted,
    };
  }
}
