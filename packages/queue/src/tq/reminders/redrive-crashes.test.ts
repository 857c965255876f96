/** A process that dies while it redrives dead reminders. */
import { expect, test } from 'vitest';
import { SqliteDatabase } from '../../../../../test/support/databases/sqlite-database.ts';
import { forEachCrash } from '../../testing/faults.ts';
import { redriveReminders } from './reminders.ts';
import { deadReminders, reminders } from './table.ts';

const PAYLOAD = new Uint8Array([1]);
/** More than are redriven in one transaction. */
const IDS = Array.from({ length: 1200 }, (_, index) => index.toString(16).padStart(32, '0'));

test.each([
  ['all', undefined, IDS],
  ['one of them', IDS[7], IDS.slice(7, 8)],
])(
  'after a crash at any step, the next redrive of %s leaves each reminder once',
  async (_, only, redriven) => {
    const steps = await forEachCrash(async (faults) => {
      const db = new SqliteDatabase([reminders, deadReminders]);
      const dead = { classId: 'mail', createTime: 1, deadTime: 2, reason: 'no', payload: PAYLOAD };
      await db.write((tx) =>
        tx.insert(
          deadReminders,
          IDS.map((id) => ({ id, ...dead })),
        ),
      );
      await faults.run(() => redriveReminders(faults.wrap(db), only));
      await redriveReminders(db, only);
      const living: unknown[][] = JSON.parse(db.dump(reminders));
      const left: unknown[][] = JSON.parse(db.dump(deadReminders));
      expect(living.map(([id]) => id)).toEqual(redriven);
      expect(left.length).toBe(IDS.length - redriven.length);
      await db.close();
    });
    expect(steps).toBeGreaterThan(only === undefined ? 10 : 3);
  },
);
