/**
 * Whether this server lives, and whether it should get requests. It is ready while the database
 * answers with the schema of this version and takes writes, the dispatcher runs, and nobody has asked
 * it to stop.
 */
import type { Clock } from '../clock.ts';
import { toError } from '../errors.ts';
import type { Database } from '../storage/database.ts';

export interface HealthOptions {
  readonly database: Pick<Database, 'checkSchema' | 'writesRefusedBecause'>;
  /** Why tasks are not run; `undefined` while they are. */
  readonly dispatcherFault: () => string | undefined;
  readonly draining: AbortSignal;
  readonly clock: Clock;
}

/** A database that takes longer is of no use to callers either. */
const ANSWER_WITHIN_MS = 5_000;

export class Health {
  readonly #options: HealthOptions;
  #checking: Promise<string | undefined> | undefined;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** Why requests should go elsewhere; `undefined` when ready. */
  async notReadyBecause(): Promise<string | undefined> {
    const { draining, dispatcherFault } = this.#options;
    if (draining.aborted) return 'the server is stopping';
    const fault = dispatcherFault() ?? (await this.#databaseFault());
    return fault ?? this.#options.database.writesRefusedBecause?.();
  }

  /** However many ask at once, the database is asked once. */
  #databaseFault(): Promise<string | undefined> {
    this.#checking ??= this.#askDatabase().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #askDatabase(): Promise<string | undefined> {
    const { clock, database } = this.#options;
    const answered = new AbortController();
    const answer = database.checkSchema().then(
      () => undefined,
      (error: unknown) => toError(error).message,
    );
    const late = clock
      .sleep(ANSWER_WITHIN_MS, answered.signal)
      .then(() => 'the database does not answer');
    try {
      return await Promise.race([answer, late]);
    } finally {
      answered.abort();
    }
  }
}
