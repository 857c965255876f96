/**
 * Begins requests of HTTP/2 as they arrive: some of them at once, and the others in the next turns of the event
 * loop. Parties take turns, and the connections of a party. A client may send thousands of requests in what is
 * one read of its socket, or over hundreds of connections. So these hold up nobody else, and those that it
 * cancels meanwhile never begin. If more arrive than can begin, those that have waited in vain are refused,
 * which costs next to nothing.
 */
import type { Clock } from '@postlude/queue/foundations';

/** At least; after a long turn it is one for each millisecond, as few turns must not mean few requests. */
export const REQUESTS_A_TURN = 4;
const REFUSALS_A_REQUEST = 4;
export const BEGINS_WITHIN_MS = 1_000;

export interface ArrivedRequest {
  /** What it came over, and whose that is. */
  readonly connection: { readonly party: string };
  /** Whether its client does not wait for a response any more. */
  isOver(): boolean;
  begin(): void;
  refuse(): void;
}

interface Waiting {
  readonly request: ArrivedRequest;
  readonly arrivedAt: number;
}

export class RequestTurns {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** By party, and then by connection, in the order of their turns. */
  readonly #waiting = new Map<string, Map<object, Waiting[]>>();
  /** How many may still begin in this turn. */
  #left = REQUESTS_A_TURN;
  #isTurnAhead = false;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  add(request: ArrivedRequest): void {
    if (this.#waiting.size === 0 && this.#left > 0) this.#begin(request);
    else this.#queueOf(request).push({ request, arrivedAt: this.#clock.monotonicMs() });
    this.#planTurn();
  }

  #queueOf({ connection }: ArrivedRequest): Waiting[] {
    const { party } = connection;
    const queues = this.#waiting.get(party) ?? new Map<object, Waiting[]>();
    const queue = queues.get(connection) ?? [];
    this.#waiting.set(party, queues.set(connection, queue));
    return queue;
  }

  #planTurn(): void {
    if (this.#isTurnAhead) return;
    this.#isTurnAhead = true;
    const plannedAt = this.#clock.monotonicMs();
    setImmediate(() => {
      this.#isTurnAhead = false;
      const now = this.#clock.monotonicMs();
      this.#left = Math.max(REQUESTS_A_TURN, Math.floor(now - plannedAt));
      this.#takeTurn(now);
    });
  }

  #takeTurn(now: number): void {
    let refusals = REFUSALS_A_REQUEST * this.#left;
    while (this.#left > 0) {
      const next = this.#next();
      if (!next) return;
      const { arrivedAt, request } = next;
      if (now - arrivedAt < BEGINS_WITHIN_MS || refusals === 0) this.#begin(request);
      else if (!request.isOver()) {
        refusals -= 1;
        request.refuse();
      }
    }
    this.#planTurn();
  }

  #next(): Waiting | undefined {
    const [[party, queues] = []] = this.#waiting;
    const [[connection, queue] = []] = queues ?? [];
    if (!party || !queues || !connection || !queue) return undefined;
    const next = queue.shift();
    // What is left comes after all others.
    queues.delete(connection);
    if (queue.length > 0) queues.set(connection, queue);
    this.#waiting.delete(party);
    if (queues.size > 0) this.#waiting.set(party, queues);
    return next;
  }

  #begin(request: ArrivedRequest): void {
    if (request.isOver()) return;
    this.#left -= 1;
    request.begin();
  }
}
