/**
 * Tells those who watch a key that something has happened to it: within the process at once, and
 * across processes by the database's notifications. Only ever a hint: what is missed, polling finds.
 * What is announced while a notification is under way goes with the next one, so that a busy process
 * sends one at a time.
 */
import { toError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Notifications } from './database.ts';

/** Who watches which key. */
export class Watchers {
  readonly #watchers = new Map<string, Set<() => void>>();

  /** Calls `fn` once for what happens to some of `keys` together, until the answered function is called. */
  watch(keys: readonly string[], fn: () => void): () => void {
    for (const key of keys) {
      const watchers = this.#watchers.get(key) ?? new Set();
      this.#watchers.set(key, watchers.add(fn));
    }
    return () => {
      for (const key of keys) this.#remove(key, fn);
    };
  }

  wake(keys: Iterable<string>): void {
    const woken = new Set([...keys].flatMap((key) => [...(this.#watchers.get(key) ?? [])]));
    for (const wake of woken) wake();
  }

  #remove(key: string, fn: () => void): void {
    const watchers = this.#watchers.get(key);
    watchers?.delete(fn);
    if (watchers?.size === 0) this.#watchers.delete(key);
  }
}

export interface AnnouncementsOptions {
  readonly notifications: Notifications;
  readonly channel: string;
  /** In one notification, which takes 7,000 bytes. Keys contain no commas. */
  readonly maxKeys: number;
  readonly log: Log;
}

export class Announcements {
  readonly #options: AnnouncementsOptions;
  readonly #watchers = new Watchers();
  readonly #pending = new Set<string>();
  #sending: Promise<void> | undefined;
  #stopListening: () => Promise<void> = async () => undefined;

  private constructor(options: AnnouncementsOptions) {
    this.#options = options;
  }

  /** Listens until `close` is called. */
  static async open(options: AnnouncementsOptions): Promise<Announcements> {
    const announcements = new Announcements(options);
    const { notifications, channel } = options;
    announcements.#stopListening = await notifications.listen(channel, (payload) =>
      announcements.#watchers.wake(payload.split(',')),
    );
    return announcements;
  }

  /** Call it after the commit. Never throws, never waits. */
  announce(keys: Iterable<string>): void {
    const changed = [...keys];
    this.#watchers.wake(changed);
    for (const key of changed) this.#pending.add(key);
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  watch(keys: readonly string[], fn: () => void): () => void {
    return this.#watchers.watch(keys, fn);
  }

  close(): Promise<void> {
    return this.#stopListening();
  }

  async #send(): Promise<void> {
    const { notifications, channel, maxKeys, log } = this.#options;
    while (this.#pending.size > 0) {
      const keys = [...this.#pending].slice(0, maxKeys);
      for (const key of keys) this.#pending.delete(key);
      await notifications.notify(channel, keys.join(',')).catch((error: unknown) => {
        log.debug('nothing was announced; polling finds it', { channel, error: toError(error) });
      });
    }
  }
}
