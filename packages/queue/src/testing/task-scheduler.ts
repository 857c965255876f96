/**
 * Cloud Tasks and Pub/Sub for tests, in memory and in virtual time. It accepts submitted tasks, and
 * runs them when the test says so.
 *
 *     const scheduler = new TaskScheduler({ clock, execute: executeHere({ classes, clock }) });
 *     const tq = new Tq({ db, classes, submitter: scheduler, clock });
 *     await tq.addTask({ class: mail, payload });
 *     await scheduler.run(); // until nothing is left, also hours later
 *
 * Due tasks run in the order of their times, then of their names, or in random order. Names are
 * remembered for ever, so a second task with the same name is a duplicate.
 */
import type { EpochMs } from '../foundations/clock.ts';
import { PermanentError } from '../foundations/errors.ts';
import { silentLog } from '../foundations/log.ts';
import { noMetrics } from '../foundations/metrics.ts';
import { type Random, randomInt } from '../foundations/random.ts';
import type { TaskClasses } from '../tq/classes/task-classes.ts';
import { receive } from '../tq/receive/receive.ts';
import { dueTimeOfHeaders, traceparentOfHeaders } from '../tq/submit/request.ts';
import type { SubmitOutcome, SubmitRequest, Submitter } from '../tq/submit/submitter.ts';
import { TqMetrics } from '../tq/tq-metrics.ts';
import type { FakeClock } from './fake-clock.ts';

export interface ScheduledTask {
  readonly name: string;
  readonly request: SubmitRequest;
  /** The time at which it runs. */
  readonly processAfter: EpochMs;
  /** The number of attempts that have begun. */
  readonly attempts: number;
  readonly isExecuting: boolean;
}

/** Runs one attempt. An error leads to another attempt, unless it is a PermanentError. */
export type ExecuteTask = (task: ScheduledTask) => Promise<void>;

export interface TaskSchedulerOptions {
  readonly clock: FakeClock;
  readonly execute: ExecuteTask;
  /** 20 by default; with Infinity, tasks are tried for ever. */
  readonly maxAttempts?: number;
  /** The pause after the first failure; each later pause is twice as long. 1 s by default. */
  readonly minBackoffMs?: number;
  /** The longest pause; 5 minutes by default. */
  readonly maxBackoffMs?: number;
  readonly onSuccess?: (task: ScheduledTask) => void;
  /** Is called when a task will not be tried again. */
  readonly onFailure?: (task: ScheduledTask, error: unknown) => void;
}

export interface RunOptions {
  /** Stops before the first task for which this is true; the task remains. */
  readonly before?: (task: ScheduledTask) => boolean;
  /** Stops after running the first task for which this is true. */
  readonly after?: (task: ScheduledTask) => boolean;
  /** How many due tasks run at once; 1 by default. */
  readonly parallel?: number;
  /** Picks among due tasks at random. The test should print its seed. */
  readonly random?: Random;
}

type Entry = { -readonly [K in keyof ScheduledTask]: ScheduledTask[K] };

export class TaskScheduler implements Submitter {
  readonly #options: Required<TaskSchedulerOptions>;
  readonly #entries = new Map<string, Entry>();
  readonly #names = new Set<string>();
  #isRunning = false;

  constructor(options: TaskSchedulerOptions) {
    this.#options = {
      maxAttempts: 20,
      minBackoffMs: 1_000,
      maxBackoffMs: 300_000,
      onSuccess: () => undefined,
      onFailure: () => undefined,
      ...options,
    };
  }

  submit(request: SubmitRequest): Promise<SubmitOutcome> {
    const name = request.kind === 'queue' ? request.name : undefined;
    const key = name ?? `generated-task-id-${String(this.#names.size).padStart(8, '0')}`;
    if (this.#names.has(key)) return Promise.resolve('duplicate');
    this.#names.add(key);
    const now = this.#options.clock.now();
    const wanted = request.kind === 'queue' ? (request.processAfter ?? now) : now;
    const processAfter = Math.max(wanted, now);
    this.#entries.set(key, { name: key, request, processAfter, attempts: 0, isExecuting: false });
    return Promise.resolve('submitted');
  }

  /** A copy of all tasks: first those that execute, then the others in the order of their runs. */
  get tasks(): readonly ScheduledTask[] {
    const isLater = (a: Entry, b: Entry): number =>
      Number(b.isExecuting) - Number(a.isExecuting) || inOrder(a, b);
    return [...this.#entries.values()].sort(isLater).map((entry) => ({ ...entry }));
  }

  /**
   * Runs tasks, and those that they add, until none is left. If no task is due, advances the clock to
   * the next one. Returns `stopped` if `before` or `after` ended the run. Only one run at a time.
   */
  async run(options: RunOptions = {}): Promise<'quiet' | 'stopped'> {
    if (this.#isRunning) throw new Error('the scheduler is running already');
    this.#isRunning = true;
    try {
      for (;;) {
        const batch = this.#nextBatch(options);
        const [first] = batch;
        if (first === undefined) return 'quiet';
        if (options.before && batch.some(options.before)) return 'stopped';
        const ran = await Promise.all(batch.map((entry) => this.#execute(entry)));
        if (options.after && ran.some(options.after)) return 'stopped';
      }
    } finally {
      this.#isRunning = false;
    }
  }

  #nextBatch({ parallel = 1, random }: RunOptions): Entry[] {
    const entries = [...this.#entries.values()].sort(inOrder);
    const [first] = entries;
    if (first === undefined) return [];
    const { clock } = this.#options;
    if (first.processAfter > clock.now()) clock.advance(first.processAfter - clock.now());
    const due = entries.filter(({ processAfter }) => processAfter <= clock.now());
    return random ? pickSome(due, parallel, random) : due.slice(0, parallel);
  }

  async #execute(entry: Entry): Promise<ScheduledTask> {
    const { execute, onSuccess, onFailure } = this.#options;
    entry.attempts += 1;
    entry.isExecuting = true;
    const task = { ...entry };
    try {
      await execute(task);
      this.#entries.delete(entry.name);
      onSuccess(task);
    } catch (error) {
      if (this.#isLast(entry, error)) {
        this.#entries.delete(entry.name);
        onFailure(task, error);
      } else entry.processAfter = this.#options.clock.now() + this.#backoffMs(entry.attempts);
    } finally {
      entry.isExecuting = false;
    }
    return task;
  }

  #isLast({ attempts }: Entry, error: unknown): boolean {
    return error instanceof PermanentError || attempts >= this.#options.maxAttempts;
  }

  #backoffMs(attempts: number): number {
    const { minBackoffMs, maxBackoffMs } = this.#options;
    return Math.min(minBackoffMs * 2 ** (attempts - 1), maxBackoffMs);
  }
}

/** Runs tasks in this process, with the handlers of their classes. */
export function executeHere(parts: {
  readonly classes: TaskClasses;
  readonly clock: FakeClock;
}): ExecuteTask {
  const receiver = { ...parts, log: silentLog, metrics: new TqMetrics(noMetrics) };
  return async ({ name, request, attempts }) => {
    const headers = request.kind === 'queue' ? request.headers : request.attributes;
    const body = request.kind === 'queue' ? request.body : request.data;
    const { outcome, error } = await receive(receiver, body, {
      id: name,
      queue: request.kind === 'queue' ? request.queue : request.topic,
      attempt: attempts,
      processAfter: dueTimeOfHeaders(headers),
      traceparent: traceparentOfHeaders(headers),
      signal: new AbortController().signal,
    });
    if (outcome === 'fatal') throw new PermanentError(error?.message ?? outcome, { cause: error });
    if (outcome !== 'done' && outcome !== 'ignored') throw error ?? new Error(outcome);
  };
}

function inOrder(a: Entry, b: Entry): number {
  return a.processAfter - b.processAfter || (a.name < b.name ? -1 : 1);
}

function pickSome(entries: Entry[], count: number, random: Random): Entry[] {
  const left = [...entries];
  const picked: Entry[] = [];
  while (picked.length < count && left.length > 0) {
    picked.push(...left.splice(randomInt(random, left.length), 1));
  }
  return picked;
}
