/**
 * Tells dispatchers that something is due, within the process at once and across processes by the
 * database's notifications. Only ever a hint: what is missed, polling finds.
 */
import { type Log, silentLog } from '../log.ts';
import { Announcements, Watchers } from '../storage/announcements.ts';
import type { Notifications } from '../storage/database.ts';

export interface WakeUp {
  /** Tasks of these types have become due. Never throws, never waits. */
  enqueued(types: readonly string[]): void;
  /** Calls `fn` when tasks of one of `types` may be due, until the answered function is called. */
  subscribe(types: readonly string[], fn: () => void): () => void;
}

const CHANNEL = 'tasks';
/** The name of a type has at most 64 bytes. */
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

  /** Listens until `close` is called. */
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
