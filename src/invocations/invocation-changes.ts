/**
 * Tells those who watch invocations that one has changed, in this process and others. Only ever a
 * hint: what is missed, polling finds.
 */
import { type Log, silentLog } from '../log.ts';
import { Announcements } from '../storage/announcements.ts';
import type { Notifications } from '../storage/database.ts';
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

  /** Call it after the commit. Never throws, never waits. */
  announce(ids: Iterable<InvocationId>): void {
    this.#announcements.announce(ids);
  }

  /** Calls `fn` when the invocation may have changed, until the answered function is called. */
  subscribe(id: InvocationId, fn: () => void): () => void {
    return this.#announcements.watch([id], fn);
  }

  close(): Promise<void> {
    return this.#announcements.close();
  }
}
