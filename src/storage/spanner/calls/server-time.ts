/**
 * The server's time for rows to be written, without asking for it each time: what it told last, and
 * what has passed since by the monotonic clock. Off by a round trip at most, and never by more than half a
 * second: an answer that took longer, as behind a lock, is not counted on from. What compares times (who
 * may lease, what is due) asks Spanner itself.
 *
 * It is asked anew after half a minute, and where the machine's two clocks disagree about what has
 * passed: one of them was set, or the machine slept and the monotonic one stood still.
 */
import type { Clock, EpochMs } from '../../../clock.ts';

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

  /** Calls `ask` where it has to. */
  async now(ask: () => Promise<EpochMs>): Promise<EpochMs> {
    if (!this.#sample || !this.#isCurrent(this.#sample)) return await this.measure(ask);
    const { serverMs, monotonicMs } = this.#sample;
    return serverMs + this.#clock.monotonicMs() - monotonicMs;
  }

  /** Calls `ask`, and remembers what it answers soon. */
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
