/**
 * The end of a server, in the order that loses nothing:
 *
 *     not ready → (a delay for load balancers) → streams and calls that wait end, no new connections
 *       → running requests and tasks end → connections are cut → the database closes
 *
 * A task that did not end is released, so that another server can lease it at once.
 *
 * The grace period holds whatever hangs: its last part is reserved for closing. If closing takes
 * longer, the connections to the database are cut. Whatever does not end even then is left behind.
 */

import { atMost, type Clock, type Log, toError } from '@postlude/queue/foundations';

export interface Stoppable {
  /** Makes the server report that it is not ready. */
  readonly refuse: () => void;
  /** Ends streams and refuses new requests. Resolves once all requests have ended. */
  readonly stopRequests: () => Promise<void>;
  readonly activeRequests: () => number;
  /** Cuts the requests that `stopRequests` still waits for. */
  readonly cutRequests: () => void;
  /** Resolves once tasks have ended. It keeps to the grace period by itself. */
  readonly stopTasks: () => Promise<void>;
  /** Releases the resources below requests and tasks, in the order given. All are called. */
  readonly release: readonly (() => Promise<void>)[];
  /** Cuts the database connections that `release` may wait for. */
  readonly cutDatabase: () => void;
}

export interface ShutdownOptions {
  readonly delayMs: number;
  readonly grace: Grace;
  readonly clock: Clock;
  readonly log: Log;
}

/** The parts of a grace period, in order. */
export interface Grace {
  /** The time in which running requests and tasks may end. */
  readonly workMs: number;
  /** The time in which tasks are released and everything else closes. */
  readonly closeMs: number;
  /** The time in which parts that lost the database may notice it. */
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

/** `cut`: something lost the database or was left behind, so the process should exit. */
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
  log.warn('the grace period is nearly over: cutting the connections to the database');
  server.cutDatabase();
  const hasClosed = await atMost(clock, grace.cutMs, closed);
  if (hasClosed) log.warn('stopped, after cutting the connections to the database');
  else log.error('stopped, leaving behind what did not end');
  return 'cut';
}

async function close(server: Stoppable, options: ShutdownOptions): Promise<void> {
  await Promise.all([stopRequests(server, options), server.stopTasks()]);
  await releaseAll(server.release, options.log);
}

/** Calls all of them in order. A failure is logged and does not stop the others. */
export async function releaseAll(all: readonly (() => Promise<void>)[], log: Log): Promise<void> {
  for (const release of all) {
    await release().catch((error: unknown) => {
      log.warn('cannot close a part of the server', { error: toError(error) });
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
    log.warn('requests did not end in time: cutting their connections', { requests: count });
    server.cutRequests();
  }
  await stopped;
}
