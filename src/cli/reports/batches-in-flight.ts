/**
 * Sends batches while earlier ones are still under way, as many as `FlightLimit` says and as fit into the
 * memory that is meant for them. They may arrive in any order. After the first failure nothing more is sent,
 * and what is under way is stopped before the failure is thrown.
 */
import type { Clock } from '@postlude/queue/foundations';
import { FlightLimit } from './flight-limit.ts';

/** Each batch is held as objects and as encoded bytes. A single batch may be larger. */
const MAX_BYTES = 4_000_000;

/** One batch on its way. */
export interface Flight {
  /** Aborts when another batch has failed. */
  readonly signal: AbortSignal;
  /** Says that the server refuses the batch for now. */
  readonly refused: () => void;
}

export type Send = (flight: Flight) => Promise<unknown>;

export class BatchesInFlight {
  readonly #clock: Clock;
  readonly #limit = new FlightLimit();
  readonly #underWay = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #bytes = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Begins to send a batch as soon as there is room for it. Throws the first failure of any batch. */
  async add(bytes: number, send: Send): Promise<void> {
    while (this.#failure === undefined && !this.#hasRoom(bytes)) {
      await Promise.race(this.#underWay);
    }
    if (this.#failure !== undefined) return await this.end();
    const flight = this.#fly(bytes, send).finally(() => this.#underWay.delete(flight));
    this.#underWay.add(flight);
  }

  /** Returns once everything is stored, or nothing is under way any more. Throws the first failure. */
  async end(): Promise<void> {
    await Promise.all(this.#underWay);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #hasRoom(bytes: number): boolean {
    const count = this.#underWay.size;
    return count === 0 || (count < this.#limit.batches && this.#bytes + bytes <= MAX_BYTES);
  }

  async #fly(bytes: number, send: Send): Promise<void> {
    const { era } = this.#limit;
    const startedAt = this.#clock.monotonicMs();
    let isRefused = false;
    const refused = (): void => {
      isRefused = true;
      this.#limit.refused(era);
    };
    this.#bytes += bytes;
    try {
      await send({ signal: this.#stopping.signal, refused });
      if (!isRefused) this.#limit.stored(this.#clock.monotonicMs() - startedAt);
    } catch (error) {
      this.#failure ??= { error };
      this.#stopping.abort();
    } finally {
      this.#bytes -= bytes;
    }
  }
}
