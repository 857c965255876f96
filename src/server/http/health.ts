/**
 * Whether this server lives, and whether it should get requests. It is ready while the database
 * answers with the schema of this version and takes writes, tasks are leased, and nobody has asked it
 * to stop.
 *
 * The database is asked again and again, also where nobody wants to know; so that it has fallen
 * silent is known, and since when, before anybody has waited for it.
 */
import type { Clock } from '../../clock.ts';
import { toError } from '../../errors.ts';
import type { Metrics } from '../../metrics.ts';
import type { Database } from '../../storage/database.ts';

export interface HealthOptions {
  readonly database: Pick<Database, 'checkSchema' | 'writesRefusedBecause'>;
  /** Why tasks are not run; `undefined` while they are. */
  readonly dispatcherFault: () => string | undefined;
  readonly draining: AbortSignal;
  readonly clock: Clock;
}

/** A database that takes longer is of no use to callers either. */
const ANSWER_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 5_000;

/** A question to the database, and since when it has been under way. */
interface Question {
  readonly askedAt: number;
  readonly answer: Promise<string | undefined>;
}

export class Health {
  readonly #options: HealthOptions;
  #question: Question | undefined;
  /** By the monotonic clock; the start, before the first time. */
  #answeredAt: number;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#answeredAt = options.clock.monotonicMs();
  }

  /** Why requests should go elsewhere; `undefined` when ready. */
  async notReadyBecause(): Promise<string | undefined> {
    const { draining, dispatcherFault } = this.#options;
    if (draining.aborted) return 'the server is stopping';
    const fault = (await this.#databaseFault()) ?? dispatcherFault();
    return fault ?? this.#options.database.writesRefusedBecause?.();
  }

  /** How long ago the database last answered with the schema of this version. */
  get databaseSilentMs(): number {
    return this.#options.clock.monotonicMs() - this.#answeredAt;
  }

  /** Looks again and again until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#databaseFault();
      await this.#options.clock.sleep(LOOK_EVERY_MS, signal);
    }
  }

  /** However many ask at once, and however long it takes, the database is asked once. */
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

/** Tells when the database was last heard of, and when tasks were last looked for. */
export function observeHealth(
  metrics: Metrics,
  health: Pick<Health, 'databaseSilentMs'>,
  lookAgeMs: () => number | undefined,
): void {
  metrics.gauge(
    'postlude.database.last_answer_age',
    { description: 'How long ago the database last answered', unit: 's' },
    async () => [{ value: health.databaseSilentMs / 1000, fields: {} }],
  );
  metrics.gauge(
    'postlude.task.last_look_age',
    { description: 'How long ago tasks were last looked for with success', unit: 's' },
    async () => {
      const ageMs = lookAgeMs();
      return ageMs === undefined ? [] : [{ value: ageMs / 1000, fields: {} }];
    },
  );
}
