/** What users set of a dispatcher, checked and with defaults. */
import { hostname } from 'node:os';
import { type Clock, systemClock } from '../../foundations/clock.ts';
import { CodedError } from '../../foundations/errors.ts';
import { type Log, silentLog } from '../../foundations/log.ts';
import { type Metrics, noMetrics } from '../../foundations/metrics.ts';
import { type Random, systemRandom } from '../../foundations/random.ts';
import type { TaskQueue } from '../queue.ts';
import { checkLeaseMs } from '../task.ts';
import { noWakeUp, type WakeUp } from '../wake-up.ts';
import { type AnyHandler, checkHandler } from './handler.ts';

export interface DispatcherOptions {
  readonly queue: TaskQueue;
  readonly handlers: readonly AnyHandler[];
  /** How many calls of handlers run at once, of one task or of a batch: 10 unless given. */
  readonly workers?: number;
  /** How long a worker that died keeps a task from others: 60 s unless given. */
  readonly leaseMs?: number;
  /** How often to poll without being woken: every second unless given. */
  readonly pollMs?: number;
  /**
   * No more tasks are leased once the payloads of leased tasks have this many bytes: 32 MiB unless
   * given. The last task may exceed it. In memory, a payload takes about four times its size.
   */
  readonly maxLeasedBytes?: number;
  /** How long handlers may go on after the signal of `run` has aborted: 30 s unless given. */
  readonly graceMs?: number;
  /** Names this dispatcher in its log, as the owner of its leases: host and process id unless given. */
  readonly owner?: string;
  readonly wakeUp?: WakeUp;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
  readonly metrics?: Metrics;
}

export function byType(handlers: readonly AnyHandler[]): ReadonlyMap<string, AnyHandler> {
  const map = new Map(handlers.map((handler) => [handler.type.name, checkHandler(handler)]));
  if (map.size === handlers.length) return map;
  throw new CodedError('invalid-argument', 'two handlers have the same type of tasks');
}

export function withDefaults(options: DispatcherOptions): Required<DispatcherOptions> {
  const { owner = `${hostname()}:${process.pid}`, log = silentLog } = options;
  return {
    pollMs: 1_000,
    graceMs: 30_000,
    wakeUp: noWakeUp,
    clock: systemClock,
    random: systemRandom,
    metrics: noMetrics,
    ...options,
    owner,
    log: log.with({ owner }),
    workers: checkWorkers(options.workers ?? 10),
    leaseMs: checkLeaseMs(options.leaseMs ?? 60_000),
    maxLeasedBytes: checkLeasedBytes(options.maxLeasedBytes ?? 32 * 1024 * 1024),
  };
}

function checkLeasedBytes(bytes: number): number {
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new CodedError(
    'invalid-argument',
    `maxLeasedBytes ${bytes}: must be a whole number, 1 or more`,
  );
}

function checkWorkers(workers: number): number {
  if (Number.isSafeInteger(workers) && workers > 0) return workers;
  throw new CodedError('invalid-argument', `${workers} workers: must be a whole number, 1 or more`);
}
