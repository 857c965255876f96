/**
 * How many tasks a dispatcher leases beyond those it can start at once. Short tasks want hundreds, to
 * save round trips; with long ones each would sit here while another worker is idle. So: as many as
 * will start within HORIZON_MS, judged by how long handlers have taken of late.
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

  /** None until the first handler has ended. */
  get size(): number {
    if (this.#averageMs === undefined) return 0;
    const within = (this.#workers * HORIZON_MS) / Math.max(this.#averageMs, 0.001);
    return Math.min(MAX_PREFETCH, Math.floor(within));
  }
}
