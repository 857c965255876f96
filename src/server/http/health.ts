/**
 * Whether this server should get requests. It is ready while the database responds with the schema of
 * this version and accepts writes, tasks are leased, and the server has not been told to stop.
 *
 * The database is checked periodically, even if nobody asks for the state. So it is known that the
 * database is silent, and since when, before a request has to wait for it.
 */
import { type Clock, type Metrics, toError } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';

export interface HealthOptions {
  readonly database: Pick<Database, 'checkSchema' | 'writesRefusedBecause'>;
  /** Says why tasks do not run; `undefined` while they do. */
  readonly dispatcherFault: () => string | undefined;
  readonly draining: AbortSignal;
  readonly clock: Clock;
}

/** A database that takes longer is of no use to callers. */
const ANSWER_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 5_000;

/** A running check of the database, and when it began. */
interface Question {
  readonly askedAt: number;
  readonly answer: Promise<string | undefined>;
}

export class Health {
  readonly #options: HealthOptions;
  #question: Question | undefined;
  /** Time of the monotonic clock; initially the time of the start. */
  #answeredAt: number;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#answeredAt = options.clock.monotonicMs();
  }

  /** Says why requests should go elsewhere; `undefined` if the server is ready. */
  async notReadyBecause(): Promise<string | undefined> {
    const { draining, dispatcherFault } = this.#options;
    if (draining.aborted) return 'the server is stopping';
    const fault = (await this.#databaseFault()) ?? dispatcherFault();
    return fault ?? this.#options.database.writesRefusedBecause?.();
  }

  /** The time since the database last responded with the schema of this version. */
  get databaseSilentMs(): number {
    return this.#options.clock.monotonicMs() - this.#answeredAt;
  }

  /** Checks the database periodically until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#databaseFault();
      await this.#options.clock.sleep(LOOK_EVERY_MS, signal);
    }
  }

  /** Concurrent callers share one check, however long it takes. */
  async #databaseFault(): Promise<string | undefined> {
    const { clock } = this.#options;
    this.#question ??= this.#ask();
    const { askedAt, answer } = this.#question;
    const leftMs = askedAt + ANSWER_WITHIN_MS - clock.monotonicMs();
    const answered = new AbortController();
    const late = clock.sleep(Math.max(leftMs, 0), answered.signal).then(() => this.#silence());
    try {
      return await Promise.race([answer, late]);
    } finally {
      answered.abort();
    }
  }

  #ask(): Question {
    const { clock, database } = this.#options;
    const answer = database.checkSchema({ limitMs: ANSWER_WITHIN_MS }).then(
      () => {
        this.#answeredAt = clock.monotonicMs();
        return undefined;
      },
      (error: unknown) => toError(error).message,
    );
    void answer.then(() => {
      this.#question = undefined;
    });
    return { askedAt: clock.monotonicMs(), answer };
  }

  #silence(): string {
    return `the database has not answered for ${Math.floor(this.databaseSilentMs / 1000)} s`;
  }
}

/** Measures when the database last responded, and when tasks were last looked for. */
export function observeHealth(
  metrics: Metrics,
  health: Pick<Health, 'databaseSilentMs'>,
  lookAgeMs: () => number | undefined,
): void {
  metrics.gauge(
    'postlude.database.last_answer_age',
    { description: 'Time since the database last responded', unit: 's' },
    async () => [{ value: health.databaseSilentMs / 1000, fields: {} }],
  );
  metrics.gauge(
    'postlude.task.last_look_age',
    { description: 'Time since the last successful look for tasks', unit: 's' },
    async () => {
      const ageMs = lookAgeMs();
      return ageMs === undefined ? [] : [{ value: ageMs / 1000, fields: {} }];
    },
  );
}
