/**
 * Leases of ranges of reminder ids decide which sweep handles which reminders. Leases of one section never
 * overlap while they last; those of different sections are independent. They only save work: if two
 * sweeps submit a task, it is one task by its name.
 */
import { randomHex } from '../../foundations/random.ts';
import type { Database, Reader } from '../../storage/database.ts';
import { selectList, sql } from '../../storage/sql.ts';
import type { Row } from '../../storage/table.ts';
import type { DatabaseTime } from '../../storage/time.ts';
import { sweepLeases } from '../reminders/table.ts';
import { exclude, idRangeOf, type Partition, partitionOf } from './partition.ts';

type SweepLeaseRow = Row<typeof sweepLeases>;

export interface WantedLease {
  /** The name of the section: sweeps that may handle the same reminders share it. */
  readonly section: string;
  readonly partition: Partition;
  readonly time: DatabaseTime;
  readonly leaseMs: number;
}

export interface SweepLease {
  /** The wanted ranges without those that others hold, in order; it may be empty. */
  readonly partitions: readonly Partition[];
  readonly release: () => Promise<void>;
}

/** Expired leases that one acquisition clears away. */
const MAX_CLEARED = 50;
const { columns } = sweepLeases;

export async function acquireSweepLease(
  db: Database,
  { section, partition, time, leaseMs }: WantedLease,
): Promise<SweepLease> {
  const leaseId = randomHex(8);
  const partitions = await db.write(async (tx) => {
    const held = await readHeld(tx, section, time);
    const free = exclude(partition, held.map(partitionOf));
    await tx.delete(sweepLeases, await readExpired(tx, section, time));
    await tx.insert(
      sweepLeases,
      free.map((part, index) => ({
        section,
        leaseId: partId(leaseId, index),
        ...idRangeOf(part),
        expireTime: time.after(leaseMs),
      })),
    );
    return free;
  });
  const keys = partitions.map((_, index) => ({ section, leaseId: partId(leaseId, index) }));
  return {
    partitions,
    release: async () => {
      if (keys.length > 0) await db.write((tx) => tx.delete(sweepLeases, keys));
    },
  };
}

/** Each of the leased ranges has a row. */
function partId(leaseId: string, index: number): string {
  return `${leaseId}_${index}`;
}

function readHeld(
  reader: Reader,
  section: string,
  { now }: DatabaseTime,
): Promise<SweepLeaseRow[]> {
  return reader.query(
    sql`SELECT ${selectList(columns)} FROM ${sweepLeases}
        WHERE section = ${section} AND expire_time > ${now}`,
    columns,
  );
}

function readExpired(
  reader: Reader,
  section: string,
  { now }: DatabaseTime,
): Promise<SweepLeaseRow[]> {
  return reader.query(
    sql`SELECT ${selectList(columns)} FROM ${sweepLeases}
        WHERE section = ${section} AND expire_time <= ${now} LIMIT ${MAX_CLEARED}`,
    columns,
  );
}
