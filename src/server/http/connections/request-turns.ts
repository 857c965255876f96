/**
 * Begins requests of HTTP/2 as they arrive: some of them at once, and the others in the next turns of the event loop,
 * one of each connection after the other. A client may send thousands of requests in what is one
 * read of its socket. So these hold up nobody else, and those that it cancels meanwhile never begin.
 */
export const REQUESTS_A_TURN = 4;

export interface ArrivedRequest {
  /** Whether its client does not wait for a response any more. */
  isOver(): boolean;
  begin(): void;
}

export class RequestTurns {
  /** By connection, in the order of their turns. */
  readonly #waiting = new Map<object, ArrivedRequest[]>();
  /** How many have begun in this turn. */
  #begun = 0;
  #isTurnAhead = false;

  add(connection: object, request: ArrivedRequest): void {
    if (this.#waiting.size === 0 && this.#begun < REQUESTS_A_TURN) this.#begin(request);
    else this.#queueOf(connection).push(request);
    this.#planTurn();
  }

  #queueOf(connection: object): ArrivedRequest[] {
    const queue = this.#waiting.get(connection) ?? [];
    this.#waiting.set(connection, queue);
    return queue;
  }

  #planTurn(): void {
    if (this.#isTurnAhead) return;
    this.#isTurnAhead = true;
    setImmediate(() => {
      this.#isTurnAhead = false;
      this.#begun = 0;
      this.#takeTurn();
    });
  }

  #takeTurn(): void {
    while (this.#begun < REQUESTS_A_TURN) {
      const request = this.#next();
      if (!request) return;
      this.#begin(request);
    }
    this.#planTurn();
  }

  #next(): ArrivedRequest | undefined {
    for (const [connection, queue] of this.#waiting) {
      const request = queue.shift();
      this.#waiting.delete(connection);
      if (queue.length > 0) this.#waiting.set(connection, queue); // after all others
      return request;
    }
    return undefined;
  }

  #begin(request: ArrivedRequest): void {
    if (request.isOver()) return;
    this.#begun += 1;
    request.begin();
  }
}
