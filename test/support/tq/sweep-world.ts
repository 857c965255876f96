/** A database without reminders, and all that a sweep needs. */
import { createHash } from 'node:crypto';
import { noMetrics, seededRandom } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { reminders } from '@postlude/queue/tables';
import {
  FRESH_MS,
  newReminder,
  REMINDER_ID_LENGTH,
  remindedRequest,
} from '../../../packages/queue/src/tq/reminders/reminder.ts';
import { prepareRequest } from '../../../packages/queue/src/tq/submit/request.ts';
import type { SweepRange } from '../../../packages/queue/src/tq/sweep/scan.ts';
import { TqMetrics } from '../../../packages/queue/src/tq/tq-metrics.ts';
import { MAIL, openTqWorld } from './tq-world.ts';

export const NEVER = new AbortController().signal;

/** Returns the id that is this number. */
export function idOf(value: number | bigint): string {
  return value.toString(16).padStart(REMINDER_ID_LENGTH, '0');
}

/** Returns ids that look random and are the same in each run, sorted. */
export function spreadIds(count: number): string[] {
  const hashes = Array.from({ length: count }, (_, index) =>
    createHash('sha256').update(String(index)).digest('hex').slice(0, REMINDER_ID_LENGTH),
  );
  return hashes.sort();
}

export function rangeOf(low: number | bigint, high: number | bigint, level = 0): SweepRange {
  return { partition: { low: BigInt(low), high: BigInt(high) }, level };
}

export function openSweepWorld(
  db: Database,
  options: Pick<Partial<ReturnType<typeof openTqWorld>>, 'clock' | 'submitter'> = {},
) {
  const world = openTqWorld(db, options);
  const { clock, submitter, log } = { ...world, ...options };
  const metrics = new TqMetrics(noMetrics);
  const save = (ids: readonly string[], bornAt: number): Promise<void> =>
    db.write((tx) =>
      tx.insert(
        reminders,
        ids.map((id) => newReminder(id, remindedRequest(requestOf(id, bornAt), id), bornAt)),
      ),
    );
  return {
    ...world,
    clock,
    submitter,
    metrics,
    parts: { db, clock, submitter, log, metrics, random: seededRandom(1) },
    addStale: (ids: readonly string[]) => save(ids, clock.now() - FRESH_MS),
    addFresh: (ids: readonly string[]) => save(ids, clock.now() - FRESH_MS + 1),
    left: async (): Promise<string[]> => (await world.reminders()).map(({ id }) => id),
    deadIds: async (): Promise<string[]> => (await world.dead()).map(({ id }) => id),
  };
}

function requestOf(to: string, now: number) {
  const task = { class: MAIL, payload: { to } };
  return prepareRequest(task, { settings: {}, now, traceparent: undefined });
}
