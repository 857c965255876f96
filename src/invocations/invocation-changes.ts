/**
 * Tells watchers in this process and others that an invocation has changed. This is only a hint:
 * polling finds the changes that a watcher misses.
 */
import { type Log, silentLog } from '@postlude/queue/foundations';
import { Announcements, type Notifications } from '@postlude/queue/storage';
import type { InvocationId } from './id.ts';

const CHANNEL = 'invocations';
/** An id has at most 100 bytes. */
const MAX_IDS = 60;

export class InvocationChanges {
  readonly #announcements: Announcements;

  private constructor(announcements: Announcements) {
    this.#announcements = announcements;
  }

  /** Listens until `close` is called. */
  static async open(
    notifications: Notifications,
    log: Log = silentLog,
  ): Promise<InvocationChanges> {
    const options = { notifications, channel: CHANNEL, maxKeys: MAX_IDS, log };
    return new InvocationChanges(await Announcements.open(options));
  }

  /** Call it after the commit. It never throws and never waits. */
  announce(ids: Iterable<InvocationId>): void {
    this.#announcements.announce(ids);
  }

  /** Calls `fn` when one of them may have changed, until the returned function is called. */
  subscribe(ids: readonly InvocationId[], fn: () => void): () => void {
    return this.#announcements.watch(ids, fn);
  }

  close(): Promise<void> {
    return this.#announcements.close();
  }
}
