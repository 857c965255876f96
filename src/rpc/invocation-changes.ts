/**
 * Tells those who watch invocations that one has changed, within the process at once and across
 * processes by the database's notifications. Only ever a hint: what is missed, polling finds.
 */
import { toError } from '../errors.ts';
import type { InvocationId } from '../invocations/id.ts';
import { type Log, silentLog } from '../log.ts';
import type { Notifications } from '../storage/database.ts';

const CHANNEL = 'invocations';
/** A notification takes 7,000 bytes; an id has at most 100. */
const MAX_IDS = 60;

export class InvocationChanges {
  readonly #notifications: Notifications;
  readonly #log: Log;
  readonly #watchers = new Map<string, Set<() => void>>();
  readonly #pending = new Set<InvocationId>();
  #sending: Promise<void> | undefined;

  private constructor(notifications: Notifications, log: Log) {
    this.#notifications = notifications;
    this.#log = log;
  }

  /** Listens until `close` is called. */
  static async open(
    notifications: Notifications,
    log: Log = silentLog,
  ): Promise<InvocationChanges & { close(): Promise<void> }> {
    const changes = new InvocationChanges(notifications, log);
    const close = await notifications.listen(CHANNEL, (payload) =>
      changes.#wake(payload.split(' ')),
    );
    return Object.assign(changes, { close });
  }

  /** Call it after the commit. Never throws, never waits. */
  announce(ids: Iterable<InvocationId>): void {
    const changed = [...ids];
    this.#wake(changed);
    for (const id of changed) this.#pending.add(id);
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  /** Calls `fn` when the invocation may have changed, until the answered function is called. */
  subscribe(id: InvocationId, fn: () => void): () => void {
    const watchers = this.#watchers.get(id) ?? new Set();
    this.#watchers.set(id, watchers.add(fn));
    return () => {
      watchers.delete(fn);
      if (watchers.size === 0 && this.#watchers.get(id) === watchers) this.#watchers.delete(id);
    };
  }

  #wake(ids: readonly string[]): void {
    for (const id of ids) for (const fn of [...(this.#watchers.get(id) ?? [])]) fn();
  }

  async #send(): Promise<void> {
    while (this.#pending.size > 0) {
      const ids = [...this.#pending].slice(0, MAX_IDS);
      for (const id of ids) this.#pending.delete(id);
      await this.#notifications.notify(CHANNEL, ids.join(' ')).catch((error: unknown) => {
        this.#log.debug('no change was announced; polling finds it', { error: toError(error) });
      });
    }
  }
}
