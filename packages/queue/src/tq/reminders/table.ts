/** The tables of tq: reminders, dead reminders, and the leases of sweeps. */
import { bytes, text, timestamp } from '../../storage/column.ts';
import { table, withIndexes } from '../../storage/table.ts';

export const reminders = table(
  'tq_reminders',
  { id: text, classId: text, createTime: timestamp, freshUntil: timestamp, payload: bytes },
  ['id'],
);

export const deadReminders = withIndexes(
  table(
    'tq_dead_reminders',
    {
      id: text,
      classId: text,
      createTime: timestamp,
      deadTime: timestamp,
      reason: text,
      payload: bytes,
    },
    ['id'],
  ),
  [['deadTime', 'id']],
);

export const sweepLeases = table(
  'tq_sweep_leases',
  { section: text, leaseId: text, low: text, high: text, expireTime: timestamp },
  ['section', 'leaseId'],
);
