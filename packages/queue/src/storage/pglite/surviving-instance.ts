/**
 * A PGlite instance in a folder, which survives a PANIC of its PostgreSQL. That happens if the write-ahead
 * log finds no room, even for what a read writes. PGlite reports it once, and any later call would loop for
 * ever, so all calls are refused with the reason. When there is room, the folder is opened again and
 * recovers from its log, as after a crash.
 */
import { CodedError, toError } from '../../foundations/errors.ts';
import type { Log } from '../../foundations/log.ts';
import type { PgliteLike, PgliteQueries } from './session.ts';
import { systemTrouble } from './system-trouble.ts';

/** All queries of PGlite go through its two methods `exec…`. */
export interface MortalInstance extends PgliteLike {
  execProtocol(message: Uint8Array, options?: object): Promise<unknown>;
  execProtocolStream(message: Uint8Array, options?: object): Promise<unknown>;
  readonly fs?: { closeFs(): Promise<void> };
}

export interface SurvivingInstanceConfig {
  readonly folder: string;
  /** Opens the folder again. */
  readonly open: () => Promise<MortalInstance>;
  /** Throws as long as the folder must not be opened again. */
  readonly requireRoom: () => void;
  readonly log: Log;
}

export class SurvivingInstance implements PgliteLike {
  #instance: MortalInstance;
  readonly #config: SurvivingInstanceConfig;
  /** Why no call is allowed until the folder is open again. */
  #death: CodedError | undefined;
  readonly #deaths = new WeakSet<Error>();
  #reopening: Promise<void> | undefined;
  #isClosed = false;

  constructor(instance: MortalInstance, config: SurvivingInstanceConfig) {
    this.#instance = instance;
    this.#config = config;
    this.#watch(instance);
  }

  get closed(): boolean {
    return this.#isClosed || this.#death !== undefined || this.#instance.closed;
  }

  /** Throws `outcome-unknown` if PostgreSQL stopped during the COMMIT. */
  async transaction<T>(fn: (tx: PgliteQueries) => Promise<T>): Promise<T> {
    const instance = await this.#living();
    let isCommitting = false;
    try {
      return await instance.transaction(async (tx) => {
        const value = await fn(tx);
        isCommitting = true;
        return value;
      });
    } catch (error) {
      const cause = toError(error);
      throw isCommitting && this.#deaths.has(cause) ? lostCommit(cause) : error;
    }
  }

  async query(...args: Parameters<PgliteQueries['query']>): ReturnType<PgliteQueries['query']> {
    return await (await this.#living()).query(...args);
  }

  async exec(text: string): Promise<unknown> {
    return await (await this.#living()).exec(text);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#reopening?.catch(() => undefined);
    if (this.#death === undefined) await this.#instance.close();
  }

  async #living(): Promise<MortalInstance> {
    if (this.#isClosed) throw new CodedError('failed-precondition', 'the database has been closed');
    if (this.#death !== undefined) {
      this.#reopening ??= this.#reopen().finally(() => {
        this.#reopening = undefined;
      });
      await this.#reopening;
    }
    return this.#instance;
  }

  async #reopen(): Promise<void> {
    const { folder, open, requireRoom, log } = this.#config;
    requireRoom();
    this.#instance = await open();
    this.#death = undefined;
    this.#watch(this.#instance);
    log.info('the embedded database was opened again, and has recovered', { folder });
  }

  #watch(instance: MortalInstance): void {
    const execProtocol = instance.execProtocol.bind(instance);
    const execProtocolStream = instance.execProtocolStream.bind(instance);
    let death: CodedError | undefined;
    const watched = async (call: () => Promise<unknown>): Promise<unknown> => {
      if (death !== undefined) throw death;
      try {
        return await call();
      } catch (error) {
        if (!hasGivenUp(error)) throw error;
        death = this.#die(instance, error);
        throw death;
      }
    };
    instance.execProtocol = (...args) => watched(() => execProtocol(...args));
    instance.execProtocolStream = (...args) => watched(() => execProtocolStream(...args));
  }

  #die(instance: MortalInstance, cause: Error): CodedError {
    const { folder, log } = this.#config;
    const words = `${folder}: PostgreSQL stopped: ${cause.message}`;
    const death = systemTrouble(folder, cause) ?? new CodedError('data-loss', words, { cause });
    this.#death = death;
    this.#deaths.add(death);
    log.error('the embedded database stopped; it will be opened again when that is possible', {
      error: death,
    });
    void instance.fs?.closeFs().catch(() => undefined); // closes its files
    return death;
  }
}

function hasGivenUp(error: unknown): error is Error {
  return (
    error instanceof Error && 'severity' in error && /PANIC|FATAL/.test(String(error.severity))
  );
}

function lostCommit(cause: Error): CodedError {
  return new CodedError('outcome-unknown', `the commit may have landed: ${cause.message}`, {
    cause,
  });
}
