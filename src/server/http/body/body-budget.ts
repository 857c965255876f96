/**
 * The memory of bodies that are not decoded yet, of each connection and of all together. If all of it is
 * used, the party that holds most of it loses its largest body. So a caller who sends a little is served
 * while others send a lot, or hold back the rest of it. A party is a caller, or an address if it is unknown.
 */
import { CodedError } from '@postlude/queue/foundations';
import type { Hold } from './body-limits.ts';

export interface BodyBudgetOptions {
  readonly maxBytes: number;
  readonly maxBytesPerConnection: number;
}

/** Where a body comes from. */
export interface BodyOwner {
  readonly connection: object;
  readonly party: () => string;
}

interface Body {
  readonly owner: BodyOwner;
  readonly refuse: (error: Error) => void;
  bytes: number;
}

/** The account of one body. */
export interface BodyAccount {
  readonly hold: Hold;
  /** Rejects if the body is refused in favour of others. */
  readonly refused: Promise<never>;
  release(): void;
}

export class BodyBudget {
  readonly #options: BodyBudgetOptions;
  readonly #bodies = new Set<Body>();
  /** Those that have not been released, some of which hold nothing. */
  readonly #open = new Set<Body>();
  #held = 0;

  constructor(options: BodyBudgetOptions) {
    this.#options = options;
  }

  get heldBytes(): number {
    return this.#held;
  }

  open(owner: BodyOwner): BodyAccount {
    const { promise: refused, reject: refuse } = Promise.withResolvers<never>();
    refused.catch(() => undefined);
    const body: Body = { owner, refuse, bytes: 0 };
    this.#open.add(body);
    return {
      refused,
      hold: (bytes) => this.#hold(body, bytes),
      release: () => {
        this.#open.delete(body);
        this.#release(body);
      },
    };
  }

  /** Ends all bodies that have not arrived as a whole. */
  refuseAll(error: Error): void {
    for (const body of this.#open) body.refuse(error);
  }

  #hold(body: Body, bytes: number): void {
    const { maxBytes, maxBytesPerConnection } = this.#options;
    const { connection } = body.owner;
    const ofConnection = this.#sum((other) => other.owner.connection === connection);
    if (ofConnection + bytes > maxBytesPerConnection) {
      this.#release(body); // at once, so that it does not take the others of its connection with it
      throw tooMany('on this connection');
    }
    this.#bodies.add(body);
    this.#held += bytes;
    body.bytes += bytes;
    while (this.#held > maxBytes) {
      const largest = this.#largestOfHeaviest();
      this.#release(largest);
      if (largest === body) throw tooMany('at once');
      largest.refuse(tooMany('at once'));
    }
  }

  #release(body: Body): void {
    this.#bodies.delete(body);
    this.#held -= body.bytes;
    body.bytes = 0;
  }

  #sum(isCounted: (body: Body) => boolean): number {
    let sum = 0;
    for (const body of this.#bodies) if (isCounted(body)) sum += body.bytes;
    return sum;
  }

  /** Called only while there are bodies. */
  #largestOfHeaviest(): Body {
    const byParty = Map.groupBy(this.#bodies, ({ owner }) => owner.party());
    const total = (bodies: readonly Body[]): number =>
      bodies.reduce((sum, { bytes }) => sum + bytes, 0);
    const heaviest = [...byParty.values()].reduce((a, b) => (total(b) > total(a) ? b : a));
    return heaviest.reduce((a, b) => (b.bytes > a.bytes ? b : a));
  }
}

/** Clients of every kind try again after this code. */
function tooMany(where: string): CodedError {
  const problem = `too many bytes of requests are under way ${where}`;
  return new CodedError('unavailable', problem);
}
