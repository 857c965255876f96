/**
 * The server's time for rows to be written, without a call for each. It is the time that the server last
 * told, plus what has passed since by the monotonic clock. It is off by at most a round trip, and by at most
 * half a second, because an answer that took longer (when it waited for a lock) is not reused. Statements
 * that compare times, to find what is due or may be leased, ask Spanner itself.
 *
 * The server is asked again after half a minute, and if the machine's two clocks disagree about what has
 * passed: then one of them was set, or the machine slept and the monotonic clock stood still.
 */
import type { Clock, EpochMs } from '../../../foundations/clock.ts';

const MAX_AGE_MS = 30_000;
const MAX_DISAGREEMENT_MS = 100;
const MAX_TRIP_MS = 500;

interface Sample {
  readonly serverMs: EpochMs;
  readonly monotonicMs: number;
  readonly machineMs: EpochMs;
}

export class ServerTime {
  readonly #clock: Clock;
  #sample: Sample | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Returns the server's time, and calls `ask` only if it has to. */
  async now(ask: () => Promise<EpochMs>): Promise<EpochMs> {
    if (!this.#sample || !this.#isCurrent(this.#sample)) return await this.measure(ask);
    const { serverMs, monotonicMs } = this.#sample;
    return serverMs + this.#clock.monotonicMs() - monotonicMs;
  }

  /** Calls `ask`, and remembers the answer if it came quickly. */
  async measure(ask: () => Promise<EpochMs>): Promise<EpochMs> {
    const askedAt = this.#clock.monotonicMs();
    const serverMs = await ask();
    const [monotonicMs, machineMs] = [this.#clock.monotonicMs(), this.#clock.now()];
    const isSoon = monotonicMs - askedAt <= MAX_TRIP_MS;
    this.#sample = isSoon ? { serverMs, monotonicMs, machineMs } : undefined;
    return serverMs;
  }

  #isCurrent({ monotonicMs, machineMs }: Sample): boolean {
    const ageMs = this.#clock.monotonicMs() - monotonicMs;
    const disagreementMs = Math.abs(this.#clock.now() - machineMs - ageMs);
    return ageMs <= MAX_AGE_MS && disagreementMs <= MAX_DISAGREEMENT_MS;
  }
}
