/** Gauges of reminders: how many wait for a sweep, and how many are dead. Reads are bounded. */
import type { Clock } from '../../foundations/clock.ts';
import type { Metrics } from '../../foundations/metrics.ts';
import { type Database, LOOK } from '../../storage/database.ts';
import { databaseTime } from '../../storage/time.ts';
import { countDeadReminders, countStaleReminders } from './reminders.ts';

export function observeReminders(
  metrics: Metrics,
  { db, clock }: { readonly db: Database; readonly clock: Clock },
): void {
  const time = databaseTime(db.dialect, clock);
  metrics.gauge(
    'postlude.tq.reminders.stale',
    {
      description: 'Reminders that wait for a sweep, among the first 10,000',
      unit: '{reminder}',
    },
    async () => [
      {
        value: await db.read((tx) => countStaleReminders(tx, time), LOOK),
        fields: {},
      },
    ],
  );
  metrics.gauge(
    'postlude.tq.reminders.dead',
    {
      description: 'Reminders whose tasks cannot be submitted, counted up to 10,000',
      unit: '{reminder}',
    },
    async () => [{ value: await db.read(countDeadReminders, LOOK), fields: {} }],
  );
}
