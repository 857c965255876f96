/**
 * How much of its capacity the server uses. While the event loop is late, or the heap nearly full, less work
 * is let in, so that what is let in is done well; afterwards the share grows again by itself. It falls by
 * factors and grows by steps (AIMD), as congestion control does. A part always stays open: so the server
 * notices when it can do more, and garbage is collected.
 */
import type { Clock, Log } from '@postlude/queue/foundations';

export interface Load {
  /** How late timers fire. */
  readonly delayMs: number;
  /** The used share of the heap that the process may have. */
  readonly heapShare: number;
}

export interface LoadMeter {
  /** Returns the load since the last reading. */
  read(): Load;
  close(): void;
}

export interface LoadControlOptions {
  readonly meter: LoadMeter;
  readonly clock: Clock;
  readonly log: Log;
  readonly maxDelayMs: number;
  readonly maxHeapShare: number;
}

const EVERY_MS = 250;
const FALLS_BY = 0.7;
const GROWS_BY = 0.05;
const LEAST_SHARE = 1 / 16;

export class LoadControl {
  readonly #options: LoadControlOptions;
  readonly #listeners: (() => void)[] = [];
  #share = 1;
  #load: Load = { delayMs: 0, heapShare: 0 };

  constructor(options: LoadControlOptions) {
    this.#options = options;
  }

  /** From more than 0 to 1. */
  get share(): number {
    return this.#share;
  }

  get load(): Load {
    return this.#load;
  }

  get isOverloaded(): boolean {
    return this.#share < 1;
  }

  /** `listener` is called when the share has grown. */
  onGrowth(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Reads the meter until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, meter } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(EVERY_MS, signal);
      this.check();
    }
    meter.close();
  }

  /** Called periodically. */
  check(): void {
    const { log, maxDelayMs, maxHeapShare, meter } = this.#options;
    this.#load = meter.read();
    const { delayMs, heapShare } = this.#load;
    if (delayMs > maxDelayMs || heapShare > maxHeapShare) {
      if (this.#share === 1) log.warn('overloaded, taking on less work', rounded(this.#load));
      this.#share = Math.max(LEAST_SHARE, this.#share * FALLS_BY);
    } else if (this.#share < 1) {
      this.#share = Math.min(1, this.#share + GROWS_BY);
      if (this.#share === 1) log.info('no longer overloaded', rounded(this.#load));
      for (const listener of this.#listeners) listener();
    }
  }
}

function rounded({ delayMs, heapShare }: Load) {
  return { delayMs: Math.round(delayMs), heapShare: Math.round(heapShare * 100) / 100 };
}
