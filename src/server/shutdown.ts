/**
 * The end of a server, in the order that loses nothing:
 *
 *     not ready → (a delay, for load balancers) → streams end, no new connections
 *       → requests and tasks under way end → connections are cut → the database closes
 *
 * A task that did not end is given back, so that another server has it at once.
 *
 * The grace period is a promise, whatever hangs: its last part is kept for closing. If closing takes
 * longer, the connections to the database are cut, and what does not end even then is left behind.
 */
import { atMost } from '../at-most.ts';
import type { Clock } from '../clock.ts';
import { toError } from '../errors.ts';
import type { Log } from '../log.ts';

export interface Stoppable {
  /** From now on the server says that it is not ready. */
  readonly refuse: () => void;
  /** Streams end, and nothing new begins; resolves once all requests have been answered. */
  readonly stopRequests: () => Promise<void>;
  readonly activeRequests: () => number;
  /** Cuts what `stopRequests` still waits for. */
  readonly cutRequests: () => void;
  /** Resolves once tasks have ended; keeps to the grace period by itself. */
  readonly stopTasks: () => Promise<void>;
  /** What stands below requests and tasks, the uppermost first; all are tried. */
  readonly release: readonly (() => Promise<void>)[];
  /** Cuts what `release` might wait for. */
  readonly cutDatabase: () => void;
}

export interface ShutdownOptions {
  readonly delayMs: number;
  readonly grace: Grace;
  readonly clock: Clock;
  readonly log: Log;
}

/** The parts of a grace period, in their order. */
export interface Grace {
  /** For requests and tasks under way to end. */
  readonly workMs: number;
  /** For tasks to be given back, and for all else to be closed. */
  readonly closeMs: number;
  /** For what was cut off from the database to notice. */
  readonly cutMs: number;
}

const MAX_CLOSE_MS = 3_000;
const MAX_CUT_MS = 1_000;

/** Divides a grace period: closing takes its last 4 seconds, or its second half if it is short. */
export function divideGrace(graceMs: number): Grace {
  const lastMs = Math.min(MAX_CLOSE_MS + MAX_CUT_MS, graceMs / 2);
  const cutMs = Math.min(MAX_CUT_MS, lastMs / 4);
  return { workMs: graceMs - lastMs, closeMs: lastMs - cutMs, cutMs };
}

/** `cut`: something was cut off from the database, or left behind. The process is to end. */
export type ShutdownOutcome = 'orderly' | 'cut';

export async function shutDown(
  server: Stoppable,
  options: ShutdownOptions,
): Promise<ShutdownOutcome> {
  const { clock, delayMs, grace, log } = options;
  log.info('stopping');
  server.refuse();
  await clock.sleep(delayMs);
  const closed = close(server, options);
  if (await atMost(clock, grace.workMs + grace.closeMs, closed)) {
    log.info('stopped');
    return 'orderly';
  }
  log.warn('the grace period is nearly over: connections to the database are cut');
  server.cutDatabase();
  if (await atMost(clock, grace.cutMs, closed)) log.warn('stopped, with the database cut off');
  else log.error('stopped, and left behind what does not end');
  return 'cut';
}

async function close(server: Stoppable, options: ShutdownOptions): Promise<void> {
  await Promise.all([stopRequests(server, options), server.stopTasks()]);
  await releaseAll(server.release, options.log);
}

/** In their order; what fails is logged, and keeps nothing else from being released. */
export async function releaseAll(all: readonly (() => Promise<void>)[], log: Log): Promise<void> {
  for (const release of all) {
    await release().catch((error: unknown) => {
      log.warn('something did not close', { error: toError(error) });
    });
  }
}

async function stopRequests(
  server: Stoppable,
  { clock, grace, log }: ShutdownOptions,
): Promise<void> {
  const ended = new AbortController();
  const stopped = server.stopRequests().finally(() => ended.abort());
  await clock.sleep(grace.workMs, ended.signal);
  if (!ended.signal.aborted) {
    const count = server.activeRequests();
    log.warn('requests have had their time: connections are cut', { requests: count });
    server.cutRequests();
  }
  await stopped;
}
