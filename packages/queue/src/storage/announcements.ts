/**
 * Tells the watchers of a key that something has happened to it: within this process at once, and in other
 * processes through the database's notifications. An announcement is only a hint; polling finds what a
 * lost one would have told. Keys that are announced while a notification is being sent go with the next
 * one, so even a busy process sends one at a time.
 */
import { toError } from '../foundations/errors.ts';
import type { Log } from '../foundations/log.ts';
import type { Notifications } from './database.ts';

/** The functions to call for each key. */
export class Watchers {
  readonly #watchers = new Map<string, Set<() => void>>();

  /**
   * Calls `fn` when something happens to any of `keys`, once for several together. Returns a function that
   * ends this.
   */
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
  /** The limit of keys in one notification, which holds 7,000 bytes. Keys must not contain commas. */
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

  /** Must be called after the commit. It never throws or waits. */
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
        log.debug('an announcement was not sent; polling will find the change', {
          channel,
          error: toError(error),
        });
      });
    }
  }
}
