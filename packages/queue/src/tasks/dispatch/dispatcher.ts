/**
 * Serves the tasks of some types: it leases, handles and settles them, a bounded number at a time.
 *
 * Any number of dispatchers, in one process or many, may serve one queue. They do not talk to each
 * other: the lease in the database is the only lock. If one dies, nothing is lost, as its tasks come
 * due again when their leases end. So a handler may run twice for one task; what it writes in the
 * transaction that completes the task takes effect once.
 */
import { atMost } from '../../foundations/at-most.ts';
import { toError } from '../../foundations/errors.ts';
import { Settler } from '../settle/settler.ts';
import type { Lease, LeaseLimit } from '../task.ts';
import { TaskMetrics } from '../task-metrics.ts';
import { Attempt, type AttemptParts, bytesOf } from './attempt.ts';
import { Call } from './call.ts';
import { byType, type DispatcherOptions, withDefaults } from './dispatcher-options.ts';
import { type AnyHandler, HANDLER_DEFAULTS, isBatchHandler, type Outcome } from './handler.ts';
import { Heartbeat } from './heartbeat.ts';
import { LifecycleLog } from './lifecycle-log.ts';
import { Prefetch } from './prefetch.ts';
import { ReadyAttempts } from './ready-attempts.ts';
import { WakeSignal } from './wake-signal.ts';

/** How many attempts may be settling: their handlers have ended, and their completion is under way. */
const MAX_SETTLING = 2_000;
/** Tasks in one claim. Less than what is prefetched, so that the next claim runs while one is handled. */
const MAX_CLAIM = 500;
/** How long it may take to give tasks back after the grace period. */
const SETTLE_MS = 2_000;
/** While tasks cannot be leased, the dispatcher tries at least this often, even if `pollMs` is longer. */
const LOOK_AGAIN_MS = 1_000;

export class Dispatcher {
  readonly #options: Required<DispatcherOptions>;
  readonly #attemptParts: AttemptParts;
  readonly #handlers: ReadonlyMap<string, AnyHandler>;
  readonly #metrics: TaskMetrics;
  readonly #lifecycle: LifecycleLog;
  readonly #prefetch: Prefetch;
  /** Set when there may be something to lease. */
  readonly #mayLease: WakeSignal;
  /** Set when no attempt is ready, running or being settled. */
  readonly #idle: WakeSignal;
  readonly heartbeat: Heartbeat;
  readonly #ready = new ReadyAttempts();
  /** How many calls of handlers are running. */
  #calls = 0;
  readonly #running = new Set<Attempt>();
  readonly #settling = new Set<Attempt>();
  /** The bytes of the payloads of all these attempts. */
  #leasedBytes = 0;
  /** Whether the last poll may have left due tasks in the queue, for lack of room. */
  #mayBeMore = false;
  #attempted = 0;
  #firstType = 0;
  #lookedAt: number | undefined;
  /** Since when tasks cannot be leased, by the monotonic clock. */
  #failingSince: number | undefined;

  constructor(options: DispatcherOptions) {
    this.#options = withDefaults(options);
    this.#handlers = byType(options.handlers);
    this.#metrics = new TaskMetrics(this.#options.metrics);
    const { queue, clock, random, log } = this.#options;
    const lifecycle = new LifecycleLog(log);
    this.#lifecycle = lifecycle;
    const settler = new Settler(this.#options);
    this.#attemptParts = { queue, clock, random, log, lifecycle, settler };
    this.#prefetch = new Prefetch(this.#options.workers);
    this.#mayLease = new WakeSignal(this.#options.clock);
    this.#idle = new WakeSignal(this.#options.clock);
    this.heartbeat = new Heartbeat({
      ...this.#options,
      lifecycle,
      attempts: () => [...this.#running, ...this.#ready],
    });
  }

  /** Serves until `signal` aborts; then lets handlers finish, within the grace period. */
  async run(signal: AbortSignal): Promise<void> {
    const { wakeUp } = this.#options;
    const beating = new AbortController();
    const heartbeat = this.heartbeat.run(beating.signal);
    const unsubscribe = wakeUp.subscribe([...this.#handlers.keys()], this.#mayLease.wake);
    try {
      const serving = this.#serveUntil(signal);
      await Promise.race([serving, aborted(signal)]);
      await this.#drain(serving);
    } finally {
      unsubscribe();
      beating.abort();
      await atMost(this.#options.clock, SETTLE_MS, heartbeat);
    }
  }

  /** When the last successful poll was, by the monotonic clock; `undefined` before the first. */
  get lookedAt(): number | undefined {
    return this.#lookedAt;
  }

  /** Runs due tasks until there are none. Returns the number of attempts. Does not sleep. */
  async runOnce(): Promise<number> {
    const before = this.#attempted;
    while ((await this.#leaseMore()) > 0) await this.#untilSettled();
    return this.#attempted - before;
  }

  async #serveUntil(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) await this.#serve(signal);
  }

  /** One turn of the loop: leases what there is room for, or waits until there may be something to lease. */
  async #serve(signal: AbortSignal): Promise<void> {
    try {
      await this.#leaseMore(signal);
      this.#looked();
      if (this.#mayBeMore && this.#hasRoom()) return;
    } catch (error) {
      this.#couldNotLook(toError(error));
    }
    await this.#mayLease.wait(this.#pollMs(), signal);
  }

  #looked(): void {
    const { clock, log } = this.#options;
    this.#lookedAt = clock.monotonicMs();
    if (this.#failingSince === undefined) return;
    const forMs = clock.monotonicMs() - this.#failingSince;
    this.#failingSince = undefined;
    log.info('tasks can be leased again', { forMs });
  }

  /** Logs an error once, however long the trouble lasts. */
  #couldNotLook(error: Error): void {
    const { clock, log } = this.#options;
    if (this.#failingSince !== undefined) log.debug('tasks cannot be leased', { error });
    else log.error('tasks cannot be leased; it is tried again until they can', { error });
    this.#failingSince ??= clock.monotonicMs();
  }

  /** Each type in turn is polled first, so that a busy one does not starve the others. */
  async #leaseMore(signal?: AbortSignal): Promise<number> {
    const { queue, leaseMs } = this.#options;
    const types = [...this.#handlers.keys()];
    const rotated = [...types.slice(this.#firstType), ...types.slice(0, this.#firstType)];
    this.#firstType = (this.#firstType + 1) % Math.max(1, types.length);
    let leased = 0;
    this.#mayBeMore = false;
    for (const type of rotated) {
      const room = signal?.aborted ? 0 : Math.min(this.#room(this.#batchOf(type)), MAX_CLAIM);
      if (room <= 0) {
        this.#mayBeMore = true;
        break;
      }
      const limit = this.#limit(type, room);
      const leases = await queue.leaseDue(type, limit, leaseMs);
      leased += leases.length;
      this.#lifecycle.leased(leases);
      const attempts = leases.toSorted(begunFirst).map((lease) => this.#toAttempt(lease));
      this.#ready.push(attempts);
      // Compared with what was asked for, as attempts that ended meanwhile have made more room.
      this.#mayBeMore ||= leases.length === room || bytesOf(attempts) >= limit.bytes;
      if (!signal?.aborted) this.#startReady();
    }
    return leased;
  }

  #startReady(): void {
    const toRecord: Call[] = [];
    for (let slots = this.#slots(); slots > 0; slots--) {
      const attempts = this.#ready.takeCall();
      if (attempts === undefined) break;
      const call = new Call(attempts, this.#attemptParts);
      this.#calls += 1;
      for (const attempt of attempts) this.#running.add(attempt);
      if (call.mustBeRecorded) toRecord.push(call);
      else this.#begin(call);
    }
    if (toRecord.length > 0) void this.#recordAndBegin(toRecord);
  }

  /** Records that attempts begin which might kill this process, and then runs them. */
  async #recordAndBegin(calls: readonly Call[]): Promise<void> {
    const { queue, log } = this.#options;
    const attempts = calls.flatMap((call) => call.attempts);
    const outcomes = await queue.begin(attempts.map(({ lease }) => lease)).catch((error) => {
      log.warn('attempts could not begin', { error: toError(error) });
    });
    attempts.forEach((attempt, index) => {
      if (outcomes === undefined) attempt.stop('not-begun');
      else if (outcomes[index] === 'lost') attempt.stop('lease-lost');
    });
    for (const call of calls) this.#begin(call);
  }

  #begin(call: Call): void {
    for (const attempt of call.attempts) void this.#attempt(attempt, call);
  }

  async #attempt(attempt: Attempt, call: Call): Promise<void> {
    this.#attempted += 1;
    await call.handle(attempt);
    this.#handled(attempt, call);
    const outcome = await this.#settle(attempt);
    this.#settled(attempt, outcome);
  }

  #toAttempt(lease: Lease): Attempt {
    const handler = this.#handlers.get(lease.type);
    if (handler === undefined) throw new Error(`leased a task of a foreign type: ${lease.type}`);
    const attempt = new Attempt(lease, handler, this.#attemptParts);
    this.#leasedBytes += attempt.bytes;
    return attempt;
  }

  /** Frees the slot of a call, even if completions of its attempts are still under way. */
  #handled(attempt: Attempt, call: Call): void {
    this.#running.delete(attempt);
    this.#settling.add(attempt);
    this.#prefetch.handled(attempt.durationMs / call.attempts.length);
    if (!call.isOver) return;
    this.#calls -= 1;
    this.#startReady();
    if (this.#mayBeMore && this.#hasRoom()) this.#mayLease.wake();
  }

  async #settle(attempt: Attempt): Promise<Outcome> {
    try {
      return await attempt.settle();
    } catch (error) {
      const { type, id } = attempt.lease;
      this.#options.log.error('attempt not settled: the task comes due when its lease ends', {
        type,
        id,
        error: toError(error),
      });
      return 'retry';
    }
  }

  #settled(attempt: Attempt, outcome: Outcome): void {
    this.#settling.delete(attempt);
    this.#leasedBytes -= attempt.bytes;
    this.#metrics.attempted(attempt.lease.type, outcome, attempt.durationMs);
    this.#lifecycle.ended(attempt.lease, outcome, attempt.durationMs);
    this.#startReady();
    if (this.#mayBeMore && this.#hasRoom()) this.#mayLease.wake();
    if (this.#busy() === 0) this.#idle.wake();
  }

  /** Gives back tasks that have not begun, and waits for the others until the grace period is over. */
  async #drain(serving: Promise<void>): Promise<void> {
    const { clock, graceMs, log } = this.#options;
    const ended = this.#end(serving);
    if (await atMost(clock, graceMs, ended)) return;
    if (this.#running.size > 0) {
      log.warn('the grace period is over: attempts are stopped', { count: this.#running.size });
      for (const attempt of this.#running) attempt.stop('shutdown');
    }
    if (await atMost(clock, SETTLE_MS, ended)) return;
    log.warn('the database does not respond: tasks come due when their leases end', {
      count: this.#busy(),
    });
  }

  /** Releases twice, as a poll that is under way may lease more. */
  async #end(serving: Promise<void>): Promise<void> {
    await this.#releaseReady();
    await serving;
    await this.#releaseReady();
    await this.#untilSettled();
    this.#lifecycle.drained();
  }

  async #releaseReady(): Promise<void> {
    const { queue, log } = this.#options;
    const attempts = this.#ready.takeAll();
    const leases = attempts.map(({ lease }) => lease);
    this.#leasedBytes -= bytesOf(attempts);
    try {
      await queue.release(leases);
      for (const lease of leases) this.#lifecycle.ended(lease, 'released', 0);
    } catch (error) {
      log.warn('leases were not given back', { error: toError(error) });
    }
  }

  async #untilSettled(): Promise<void> {
    while (this.#busy() > 0) await this.#idle.wait(Number.MAX_SAFE_INTEGER);
  }

  #busy(): number {
    return this.#running.size + this.#settling.size + this.#ready.length;
  }

  /** How many calls can begin at once. */
  #slots(): number {
    const { workers } = this.#options;
    return Math.min(workers - this.#calls, MAX_SETTLING - this.#settling.size);
  }

  #limit(type: string, room: number): LeaseLimit & { readonly bytes: number } {
    const bytes = this.#options.maxLeasedBytes - this.#leasedBytes;
    // If the response to the claim were lost, it would use up the only attempt, which has never begun.
    const slots = this.#handlers.get(type)?.maxAttempts === 1 ? 0 : this.#slots();
    const begin = Math.max(0, slots * this.#batchOf(type) - this.#ready.length);
    return { tasks: room, bytes, begin };
  }

  /** How many tasks of a type one call takes. */
  #batchOf(type: string): number {
    const handler = this.#handlers.get(type);
    if (handler === undefined || !isBatchHandler(handler)) return 1;
    return handler.maxBatch ?? HANDLER_DEFAULTS.maxBatch;
  }

  /** How many tasks there is room for, if a call takes `batch` of them. */
  #room(batch = 1): number {
    const { workers, maxLeasedBytes } = this.#options;
    if (this.#leasedBytes >= maxLeasedBytes) return 0;
    return (workers - this.#calls) * batch + this.#prefetch.size - this.#ready.length;
  }

  /** Whether half of the room is free: more is leased only then, so that leases come in batches. */
  #hasRoom(): boolean {
    return this.#room() * 2 >= this.#options.workers + this.#prefetch.size;
  }

  #pollMs(): number {
    const { pollMs, random } = this.#options;
    const everyMs = this.#failingSince === undefined ? pollMs : Math.min(pollMs, LOOK_AGAIN_MS);
    return everyMs * (0.9 + 0.2 * random());
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function begunFirst(a: Lease, b: Lease): number {
  return Number(b.begun ?? false) - Number(a.begun ?? false);
}
