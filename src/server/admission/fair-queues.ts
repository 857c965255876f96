/**
 * Bounds the requests and bytes in work, of each caller and of all, and serves those that wait fairly. A
 * request that finds room begins at once. Any other waits in a short queue of its own caller, and the
 * queues take turns, however many requests each has (deficit round robin: a large request takes several
 * turns). A caller at its own limits is passed over. So the first request of a caller never waits for the
 * queue of another one, but at most for a turn of each.
 *
 * M. Shreedhar and G. Varghese, "Efficient Fair Queuing using Deficit Round Robin", SIGCOMM 1995.
 */
import type { Clock } from '@postlude/queue/foundations';
import type { CallerLimits } from './caller-limits.ts';
import { Caller, type Lane, type Waiter } from './lane.ts';
import { type ByClass, byClass, type MethodClass } from './method-class.ts';
import { Refusal } from './refusal.ts';

export interface FairQueuesOptions {
  readonly clock: Clock;
  /** How many requests of a class may be in work now. */
  readonly capacity: (methodClass: MethodClass) => number;
  readonly maxBytes: number;
  /** How long a request may wait now. */
  readonly maxWaitMs: () => number;
  /** Requests of all callers that wait. Beyond it, the longest queue gives way. */
  readonly maxWaiting?: number;
}

export interface QueuedRequest {
  readonly caller: string;
  readonly limits: CallerLimits;
  readonly methodClass: MethodClass;
  /** As far as they are known. */
  readonly bytes: number;
  /** Aborts if nobody waits for the response any more. */
  readonly signal: AbortSignal;
}

/** The place of a request in work. */
export interface Place {
  /**
   * Counts the bytes that the request really has, if they are more than was known. Throws a Refusal if its
   * caller has too many.
   */
  hold(bytes: number): void;
  release(): void;
}

/** What a turn is worth, and what the smallest and the largest requests cost. */
const TURN_BYTES = 256 * 1024;
const MIN_COST = TURN_BYTES;
const MAX_COST = 8 * TURN_BYTES;
const MAX_WAITING = 4_000;
const FIRST_GUESS_MS = 100;
const RETRY_MS = { min: 1_000, max: 60_000 };

interface ClassState {
  /** The lanes that have waiting requests and room for the first of them, in the order of their turns. */
  readonly turns: Set<Lane>;
  inWork: number;
  waiting: number;
  /** A moving average. */
  serviceMs: number;
}

export class FairQueues {
  readonly #options: FairQueuesOptions;
  readonly #callers = new Map<string, Caller>();
  readonly #classes: ByClass<ClassState> = byClass(() => ({
    turns: new Set(),
    inWork: 0,
    waiting: 0,
    serviceMs: FIRST_GUESS_MS,
  }));
  #bytes = 0;

  constructor(options: FairQueuesOptions) {
    this.#options = options;
  }

  get callers(): ReadonlyMap<string, Caller> {
    return this.#callers;
  }

  get bytes(): number {
    return this.#bytes;
  }

  stateOf(methodClass: MethodClass): Pick<ClassState, 'inWork' | 'waiting'> {
    return this.#classes[methodClass];
  }

  /** Returns a place, at once or after a wait. Throws a Refusal, or the signal's reason. */
  async enter(request: QueuedRequest): Promise<Place> {
    const { bytes, methodClass, signal } = request;
    if (signal.aborted) throw signal.reason;
    const lane = this.#laneOf(request);
    const { turns } = this.#classes[methodClass];
    if (lane.waiting.size === 0 && turns.size === 0 && this.#hasRoom(lane, bytes)) {
      return this.#begin(lane, bytes);
    }
    this.#requireQueueRoom(lane);
    return await this.#wait(lane, request);
  }

  /** Begins what waits, as far as there is room. Called if the capacity may have grown. */
  serve(): void {
    for (const methodClass of Object.keys(this.#classes) as MethodClass[]) this.#serve(methodClass);
  }

  #laneOf({ caller: name, limits, methodClass }: QueuedRequest): Lane {
    let caller = this.#callers.get(name);
    if (!caller) {
      caller = new Caller(name, limits);
      this.#callers.set(name, caller);
    }
    return caller.lanes[methodClass];
  }

  #hasRoom(lane: Lane, bytes: number): boolean {
    const { capacity } = this.#options;
    const { inWork } = this.#classes[lane.methodClass];
    return (
      inWork < capacity(lane.methodClass) && this.#hasBytesFor(bytes) && lane.hasRoomFor(bytes)
    );
  }

  #hasBytesFor(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#options.maxBytes;
  }

  #begin(lane: Lane, bytes: number): Place {
    const { caller, methodClass } = lane;
    const state = this.#classes[methodClass];
    const startedAt = this.#options.clock.monotonicMs();
    let counted = bytes;
    let isReleased = false;
    lane.inWork += 1;
    state.inWork += 1;
    this.#addBytes(caller, bytes);
    return {
      hold: (actual) => {
        if (isReleased || actual <= counted) return;
        requireRoom(caller, actual, counted);
        this.#addBytes(caller, actual - counted);
        counted = actual;
      },
      release: () => {
        if (isReleased) return;
        isReleased = true;
        lane.inWork -= 1;
        state.inWork -= 1;
        this.#addBytes(caller, -counted);
        const tookMs = this.#options.clock.monotonicMs() - startedAt;
        if (methodClass !== 'watch') state.serviceMs += (tookMs - state.serviceMs) / 16;
        for (const each of Object.values(caller.lanes)) this.#offer(each);
        this.#forgetIdle(caller);
        this.serve();
      },
    };
  }

  #addBytes(caller: Caller, bytes: number): void {
    caller.bytes += bytes;
    this.#bytes += bytes;
  }

  #requireQueueRoom(lane: Lane): void {
    const { caller, methodClass, waiting } = lane;
    const { maxWaiting = MAX_WAITING } = this.#options;
    const isFull = waiting.size >= caller.limits.waiting[methodClass];
    if (!isFull && (this.#waiting < maxWaiting || this.#shortenLongest(waiting.size))) return;
    this.#forgetIdle(caller);
    throw this.#queueFull(lane);
  }

  get #waiting(): number {
    return Object.values(this.#classes).reduce((sum, { waiting }) => sum + waiting, 0);
  }

  /** Refuses the last request of the longest queue, if that is longer than `than` and one more. */
  #shortenLongest(than: number): boolean {
    let longest: Lane | undefined;
    for (const { lanes } of this.#callers.values()) {
      for (const lane of Object.values(lanes)) {
        if (lane.waiting.size > (longest?.waiting.size ?? than + 1)) longest = lane;
      }
    }
    const last = longest && ([...longest.waiting].at(-1) as QueuedWaiter | undefined);
    if (!longest || !last) return false;
    last.refuse(this.#queueFull(longest));
    return true;
  }

  async #wait(lane: Lane, { bytes, signal }: QueuedRequest): Promise<Place> {
    const { clock, maxWaitMs } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<Place>();
    const left = new AbortController();
    const leave = (error: unknown): void => {
      if (!this.#remove(lane, waiter)) return;
      reject(error);
      this.#forgetIdle(lane.caller);
      this.#offer(lane);
      this.#serve(lane.methodClass);
    };
    const waiter: QueuedWaiter = {
      bytes,
      begin: () => {
        if (this.#remove(lane, waiter)) resolve(this.#begin(lane, bytes));
      },
      refuse: leave,
    };
    const cancel = (): void => leave(signal.reason);
    signal.addEventListener('abort', cancel, { once: true });
    this.#add(lane, waiter);
    const limitMs = maxWaitMs();
    void clock.sleep(limitMs, left.signal).then(() => leave(this.#waitedInVain(lane, limitMs)));
    try {
      return await promise;
    } finally {
      left.abort();
      signal.removeEventListener('abort', cancel);
    }
  }

  #add(lane: Lane, waiter: Waiter): void {
    lane.waiting.add(waiter);
    this.#classes[lane.methodClass].waiting += 1;
    this.#offer(lane);
    this.#serve(lane.methodClass);
  }

  /** Returns whether it was waiting. */
  #remove(lane: Lane, waiter: Waiter): boolean {
    if (!lane.waiting.delete(waiter)) return false;
    this.#classes[lane.methodClass].waiting -= 1;
    if (lane.waiting.size === 0) this.#endTurns(lane);
    return true;
  }

  /** Lets the lane take turns, if it has something to begin that its caller's limits allow. */
  #offer(lane: Lane): void {
    const { first } = lane;
    if (first && lane.hasRoomFor(first.bytes)) this.#classes[lane.methodClass].turns.add(lane);
  }

  #endTurns(lane: Lane): void {
    this.#classes[lane.methodClass].turns.delete(lane);
    lane.credit = 0;
  }

  #serve(methodClass: MethodClass): void {
    const state = this.#classes[methodClass];
    const capacity = this.#options.capacity(methodClass);
    while (state.inWork < capacity) {
      const [lane] = state.turns;
      if (!lane) return;
      const { first } = lane;
      if (!first || !lane.hasRoomFor(first.bytes)) this.#endTurns(lane);
      else if (!this.#hasBytesFor(first.bytes)) return;
      else this.#takeTurn(lane, first);
    }
  }

  #takeTurn(lane: Lane, first: Waiter): void {
    const { turns } = this.#classes[lane.methodClass];
    const cost = Math.min(Math.max(first.bytes, MIN_COST), MAX_COST);
    turns.delete(lane);
    turns.add(lane); // the next turn is after those of all others
    lane.credit += TURN_BYTES;
    if (lane.credit < cost) return;
    lane.credit -= cost;
    first.begin();
  }

  #forgetIdle(caller: Caller): void {
    if (caller.isIdle) this.#callers.delete(caller.name);
  }

  #queueFull(lane: Lane): Refusal {
    const problem = `too many requests of this caller are waiting (${lane.waiting.size})`;
    return new Refusal('queue-full', problem, this.#retryAfterMs(lane));
  }

  #waitedInVain(lane: Lane, waitedMs: number): Refusal {
    const problem = `the server is busy: the request has waited for ${Math.round(waitedMs / 100) / 10} s`;
    return new Refusal('waited', problem, this.#retryAfterMs(lane));
  }

  /** Estimates when the requests that wait before are done. */
  #retryAfterMs({ caller, methodClass, waiting }: Lane): number {
    const { serviceMs } = this.#classes[methodClass];
    const atOnce = Math.min(
      caller.limits.concurrency[methodClass],
      this.#options.capacity(methodClass),
    );
    const estimate = ((waiting.size + 1) / Math.max(atOnce, 1)) * serviceMs;
    return Math.min(Math.max(estimate, RETRY_MS.min), RETRY_MS.max);
  }
}

interface QueuedWaiter extends Waiter {
  readonly refuse: (error: unknown) => void;
}

/** What a request turns out to have must not take the bytes of other callers. */
function requireRoom({ bytes, limits }: Caller, actual: number, counted: number): void {
  const ofOthers = bytes - counted;
  if (ofOthers === 0 || ofOthers + actual <= limits.bytes) return;
  const problem = `this caller has more than ${limits.bytes} bytes of requests in work`;
  throw new Refusal('queue-full', problem, RETRY_MS.min);
}
