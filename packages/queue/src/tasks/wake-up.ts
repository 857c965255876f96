/**
 * Tells dispatchers that tasks are due: directly within the process, and by the database's notifications
 * across processes. A wake-up is only a hint: polling finds the tasks of a wake-up that was missed.
 */
import { type Log, silentLog } from '../foundations/log.ts';
import { Announcements, Watchers } from '../storage/announcements.ts';
import type { Notifications } from '../storage/database.ts';

export interface WakeUp {
  /** Call it when tasks of these types have become due. It never throws and never waits. */
  enqueued(types: readonly string[]): void;
  /** Calls `fn` when tasks of one of `types` may be due, until the returned function is called. */
  subscribe(types: readonly string[], fn: () => void): () => void;
}

const CHANNEL = 'tasks';
/** Keeps a notification small: the name of a type has at most 64 bytes. */
const MAX_TYPES = 100;

/** Wakes nobody. */
export const noWakeUp: WakeUp = {
  enqueued: () => undefined,
  subscribe: () => () => undefined,
};

/** Wakes the dispatchers of this process. */
export class LocalWakeUp implements WakeUp {
  readonly #watchers = new Watchers();

  enqueued(types: readonly string[]): void {
    this.#watchers.wake(types);
  }

  subscribe(types: readonly string[], fn: () => void): () => void {
    return this.#watchers.watch(types, fn);
  }
}

/** Wakes the dispatchers of all processes on one database. */
export class DatabaseWakeUp implements WakeUp {
  readonly #announcements: Announcements;

  private constructor(announcements: Announcements) {
    this.#announcements = announcements;
  }

  /** Opens a wake-up that listens until `close` is called. */
  static async open(
    notifications: Notifications,
    log: Log = silentLog,
  ): Promise<DatabaseWakeUp & { close(): Promise<void> }> {
    const options = { notifications, channel: CHANNEL, maxKeys: MAX_TYPES, log };
    const announcements = await Announcements.open(options);
    const wakeUp = new DatabaseWakeUp(announcements);
    return Object.assign(wakeUp, { close: () => announcements.close() });
  }

  enqueued(types: readonly string[]): void {
    this.#announcements.announce(types);
  }

  subscribe(types: readonly string[], fn: () => void): () => void {
    return this.#announcements.watch(types, fn);
  }
}
