/** Measures how many mutations the transactions of a database make, as Spanner counts them. */
import {
  type AnyRow,
  type AnyTable,
  type Database,
  mutationsOfRow,
  type Transaction,
} from '@postlude/queue/storage';
import { propertiesWritten, type WriteKind } from '../../../packages/queue/src/storage/writes.ts';

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
    db: new Proxy(database, {
      get: (target, name) => (name === 'write' ? write : memberOf(target, name)),
    }),
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
  const written: Partial<Record<string | symbol, unknown>> = {};
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
  return new Proxy(tx, { get: (target, name) => written[name] ?? memberOf(target, name) });
}

function memberOf<T extends object>(target: T, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name, target);
  return typeof value === 'function' ? value.bind(target) : value;
}
