/**
 * Leases of ranges of reminder ids decide which sweep handles which reminders. Leases of one section never
 * overlap while they last; those of different sections are independent. They only save work: if two
 * sweeps submit a task, it is one task by its name.
 */
import { randomHex } from '../../foundations/random.ts';
import type { Database, Reader } from '../../storage/database.ts';
import { type Sql, selectList, sql } from '../../storage/sql.ts';
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
    const held = await readRanges(tx, section, sql`expire_time > ${time.now}`);
    const free = exclude(partition, held.map(partitionOf));
    const expired = sql`expire_time <= ${time.now} LIMIT ${MAX_CLEARED}`;
    await tx.delete(sweepLeases, await readRanges(tx, section, expired));
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

/** Reads the ranges of a section; `rest` is the rest of the condition, and a limit. */
function readRanges(reader: Reader, section: string, rest: Sql): Promise<SweepLeaseRow[]> {
  return reader.query(
    sql`SELECT ${selectList(columns)} FROM ${sweepLeases} WHERE section = ${section} AND ${rest}`,
    columns,
  );
}
