/**
 * How many tasks a dispatcher leases beyond those it can start at once. For short tasks it should be
 * hundreds, to save round trips; long tasks would sit here while another worker is idle. So it is as many
 * as will start within HORIZON_MS, estimated from how long handlers took recently.
 */
const HORIZON_MS = 100;
const MAX_PREFETCH = 1_000;
/** The weight of the newest duration in the moving average. */
const WEIGHT = 0.1;

export class Prefetch {
  readonly #workers: number;
  #averageMs: number | undefined;

  constructor(workers: number) {
    this.#workers = workers;
  }

  handled(durationMs: number): void {
    const average = this.#averageMs ?? durationMs;
    this.#averageMs = average + (durationMs - average) * WEIGHT;
  }

  /** How many tasks to prefetch: none until the first handler has ended. */
  get size(): number {
    if (this.#averageMs === undefined) return 0;
    const within = (this.#workers * HORIZON_MS) / Math.max(this.#averageMs, 0.001);
    return Math.min(MAX_PREFETCH, Math.floor(within));
  }
}
