/**
 * Sweeps all reminders in this process: looks at ranges of their ids, a few at once, and submits
 * what is stale in batches. What is held in memory is bounded by the sizes below, whatever the
 * number of reminders. Any number of processes may sweep at once: they do the work more often than
 * needed, and lose nothing.
 */
import { forEachLimit } from '../../concurrency.ts';
import { CodedError, toError } from '../../errors.ts';
import type { Random } from '../../random.ts';
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
  /** Into how many ranges the ids are cut, and how many are looked at at once: 16 unless given. */
  readonly shards?: number;
  /** Reminders submitted and settled together: 128 unless given. */
  readonly batchSize?: number;
  /** Batches under way at once: 8 unless given. */
  readonly batchesAtOnce?: number;
}

export interface SweepSummary extends SweepCounts {
  /** Reminders that were seen. */
  readonly scanned: number;
  /** Those of them that were not fresh any more. */
  readonly stale: number;
  /** Whether all was looked at, and no batch was left over: neither a failure nor the signal nor a limit cut it. */
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
   * One sweep; aborting ends it early, with what has begun settled. Failures of the database are
   * logged and show in the summary. Throws `failed-precondition` where one is under way already.
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
      const found = await scan(parts, range, options, signal);
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
