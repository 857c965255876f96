/** How a queue's enqueuer and its worker, in two processes, measure how long tasks wait to be picked up. */

/** Enqueues in one process. */
export interface Enqueuer {
  enqueue(sentAt: SentAt): Promise<void>;
  close(): Promise<void>;
}

/** Handles in another process. */
export interface PickupWorker {
  stop(): Promise<void>;
}

/** A time of the monotonic clock, which all processes of a machine share; text, as JSON has no such number. */
export type SentAt = string;

export interface Pickup {
  readonly configuration: string;
  openEnqueuer(url: string): Promise<Enqueuer>;
  /** Calls `handled` at the start of the handler. Resolves when the worker listens. */
  startWorker(url: string, handled: (sentAt: SentAt) => void): Promise<PickupWorker>;
}

export function now(): SentAt {
  return String(process.hrtime.bigint());
}

export function msSince(sentAt: SentAt): number {
  return Number(process.hrtime.bigint() - BigInt(sentAt)) / 1e6;
}
