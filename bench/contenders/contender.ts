import { forEachLimit } from '@postlude/queue/foundations';
import type { ContenderName } from './open-contenders.ts';

/** In milliseconds since the first task was handled, so that starting a worker does not count. */
export interface Times {
  /** When the last task was handled; its completion may be under way. */
  readonly handledMs: number;
  /** When everything was settled, and what was leased ahead was given back. */
  readonly settledMs: number;
}

/** A queue as the benches use it: postlude's own, that of a peer, or bare SQL. */
export interface Contender {
  /** Its name in figures. */
  readonly name: ContenderName;
  /** What it is and how it is set, for the reader of the figures. */
  readonly configuration: string;
  /** Removes all tasks. */
  empty(): Promise<void>;
  /** Enqueues so many trivial tasks by one call. */
  add(count: number): Promise<void>;
  /** Refreshes the planner's statistics. */
  analyze(): Promise<void>;
  /** Returns how many tasks are not processed yet. */
  waiting(): Promise<number>;
  /**
   * Processes so many tasks, and perhaps a few more, and settles them. Opens connections of its own, and
   * closes them.
   */
  process(count: number): Promise<Times>;
  /** Ends the connections that enqueue; tasks can be processed without them. */
  close(): Promise<void>;
}

export const BATCH = 500;
/** The number of concurrent callers that enqueue. */
export const CALLERS = 16;

/** Adds so many tasks in batches to those that there are. */
export async function addBatches(contender: Contender, count: number): Promise<void> {
  for (let added = 0; added < count; added += BATCH) {
    await contender.add(Math.min(BATCH, count - added));
  }
}

/** Starts with an empty table, so that no contender scans what another round has left. */
export async function refill(contender: Contender, count: number): Promise<void> {
  await contender.empty();
  await addBatches(contender, count);
  await contender.analyze();
}

/** Processes so many tasks; returns how many a second that were, by one of the two times. */
export async function processRate(
  contender: Contender,
  count: number,
  until: keyof Times = 'settledMs',
): Promise<number> {
  const before = await contender.waiting();
  const times = await contender.process(count);
  const left = await contender.waiting();
  if (left <= before - count) return Math.round((count / times[until]) * 1000);
  throw new Error(`${contender.name}: ${left} of ${before} tasks are left over`);
}

export interface Load {
  readonly tasks: number;
  /** How many tasks each call enqueues. */
  readonly batch: number;
  /** How many calls are under way at once. */
  readonly callers: number;
}

/** Enqueues so many tasks by concurrent callers; returns how many a second that were. */
export async function addRate(
  contender: Contender,
  { tasks, batch, callers }: Load,
): Promise<number> {
  const batches = Array.from({ length: Math.ceil(tasks / batch) }, (_, index) =>
    Math.min(batch, tasks - index * batch),
  );
  const startedAt = performance.now();
  await forEachLimit(batches, callers, (count) => contender.add(count));
  return Math.round((tasks / (performance.now() - startedAt)) * 1000);
}

/** Counts handled tasks: `done` resolves when all have been. */
export class Countdown {
  readonly done: Promise<void>;
  #left: number;
  #startedAt: number | undefined;
  #handledMs = 0;
  readonly #resolve: () => void;

  constructor(count: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.done = promise;
    this.#resolve = resolve;
    this.#left = count;
  }

  handled(count = 1): void {
    this.#startedAt ??= performance.now();
    const wasOver = this.isOver;
    this.#left -= count;
    if (!this.isOver || wasOver) return;
    this.#handledMs = this.#elapsedMs();
    this.#resolve();
  }

  get isOver(): boolean {
    return this.#left <= 0;
  }

  /** Call it once all is settled. */
  end(): Times {
    return { handledMs: this.#handledMs, settledMs: this.#elapsedMs() };
  }

  #elapsedMs(): number {
    return performance.now() - (this.#startedAt ?? performance.now());
  }
}
