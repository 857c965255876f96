/** Measures how many mutations the transactions of a database make, as Spanner counts them. */
import {
  type AnyRow,
  type AnyTable,
  type Database,
  mutationsOfRow,
  type Transaction,
} from '@postlude/queue/storage';
import { propertiesWritten, type WriteKind } from '../../../packages/queue/src/storage/writes.ts';
import { withMembers } from '../with-members.ts';

export interface MutationMeter {
  /** The same database, with its transactions measured. */
  readonly db: Database;
  /** The most mutations of one transaction so far. */
  readonly most: number;
  reset(): void;
}

export function countWrites(database: Database): MutationMeter {
  let most = 0;
  const write: Database['write'] = (fn, options) =>
    database.write(async (tx) => {
      let count = 0;
      const value = await fn(
        measured(tx, (mutations) => {
          count += mutations;
        }),
      );
      most = Math.max(most, count);
      return value;
    }, options);
  return {
    db: withMembers(database, { write }),
    get most() {
      return most;
    },
    reset: () => {
      most = 0;
    },
  };
}

function measured(tx: Transaction, add: (mutations: number) => void): Transaction {
  const count = (kind: WriteKind, table: AnyTable, rows: readonly AnyRow[]): void => {
    for (const row of rows) add(mutationsOfRow(table, kind, propertiesWritten(kind, table, row)));
  };
  const written: Record<string, unknown> = {};
  for (const kind of ['insert', 'update', 'upsert', 'delete'] as const) {
    written[kind] = (table: AnyTable, rows: readonly AnyRow[]) => {
      count(kind, table, rows);
      return tx[kind](table, rows);
    };
  }
  written.insertNew = async (table: AnyTable, rows: readonly AnyRow[]) => {
    const added = await tx.insertNew(table, rows);
    count('insertNew', table, added);
    return added;
  };
  return withMembers(tx, written);
}
