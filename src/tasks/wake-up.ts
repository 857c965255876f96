/**
 * Tells dispatchers that something is due, within the process at once and across processes by the
 * database's notifications. Only ever a hint: what is missed, polling finds.
 */
import { toError } from '../errors.ts';
import { type Log, silentLog } from '../log.ts';
import type { Notifications } from '../storage/database.ts';

export interface WakeUp {
  /** Tasks of these types have become due. Never throws, never waits. */
  enqueued(types: readonly string[]): void;
  /** Calls `fn` when tasks of one of `types` may be due, until the answered function is called. */
  subscribe(types: readonly string[], fn: () => void): () => void;
}

const CHANNEL = 'tasks';

/** Wakes nobody. */
export const noWakeUp: WakeUp = {
  enqueued: () => undefined,
  subscribe: () => () => undefined,
};

/** Wakes the dispatchers of this process. */
export class LocalWakeUp implements WakeUp {
  readonly #subscribers = new Map<string, Set<() => void>>();

  enqueued(types: readonly string[]): void {
    const woken = new Set(types.flatMap((type) => [...(this.#subscribers.get(type) ?? [])]));
    for (const wake of woken) wake();
  }

  subscribe(types: readonly string[], fn: () => void): () => void {
    for (const type of types) {
      const subscribers = this.#subscribers.get(type) ?? new Set();
      this.#subscribers.set(type, subscribers.add(fn));
    }
    return () => {
      for (const type of types) this.#subscribers.get(type)?.delete(fn);
    };
  }
}

/**
 * Wakes the dispatchers of all processes on one database. What is enqueued while a notification is
 * under way goes with the next one, so a busy process sends one at a time.
 */
export class DatabaseWakeUp implements WakeUp {
  readonly #local = new LocalWakeUp();
  readonly #notifications: Notifications;
  readonly #log: Log;
  readonly #pending = new Set<string>();
  #sending: Promise<void> | undefined;

  private constructor(notifications: Notifications, log: Log) {
    this.#notifications = notifications;
    this.#log = log;
  }

  /** Listens until `close` is called. */
  static async open(
    notifications: Notifications,
    log: Log = silentLog,
  ): Promise<DatabaseWakeUp & { close(): Promise<void> }> {
    const wakeUp = new DatabaseWakeUp(notifications, log);
    const stop = await notifications.listen(CHANNEL, (payload) =>
      wakeUp.#local.enqueued(payload.split(',')),
    );
    return Object.assign(wakeUp, { close: stop });
  }

  enqueued(types: readonly string[]): void {
    this.#local.enqueued(types);
    for (const type of types) this.#pending.add(type);
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  subscribe(types: readonly string[], fn: () => void): () => void {
    return this.#local.subscribe(types, fn);
  }

  async #send(): Promise<void> {
    while (this.#pending.size > 0) {
      const types = [...this.#pending];
      this.#pending.clear();
      await this.#notifications.notify(CHANNEL, types.join(',')).catch((error: unknown) => {
        this.#log.debug('no wake-up was sent; polling finds the tasks', { error: toError(error) });
      });
    }
  }
}
