/**
 * Collects the writes of one transaction in the order in which they were made, grouped so that consecutive
 * writes of one kind to one table go to the database in one statement.
 *
 * Within a group no key is updated or upserted twice, as a statement would apply only one of the two, and
 * it is not defined which. A repeated key begins a new group instead.
 */
import type { EpochMs } from '../foundations/clock.ts';
import { FromNow } from './column.ts';
import { type AnyRow, keyText } from './key.ts';
import type { AnyTable } from './table.ts';

/** The rows of `insertNew` were found missing; if a key exists by now, the transaction lost a race. */
export type WriteKind = 'insert' | 'insertNew' | 'update' | 'upsert' | 'delete';

export interface WriteGroup {
  readonly table: AnyTable;
  readonly kind: WriteKind;
  /** The properties that each row of the group gives, in the table's order. */
  readonly properties: readonly string[];
  readonly rows: readonly AnyRow[];
}

/** Whether a key has a row after the buffered writes; `unknown` if they do not touch it. */
export type BufferedState = 'present' | 'absent' | 'unknown';

/** Limits for one statement: larger ones are no faster, and strings have a maximum length. */
export const MAX_GROUP_ROWS = 2000;
export const MAX_GROUP_SIZE = 8_000_000;

/**
 * Cuts rows into groups for one statement each, for kinds of which a statement applies every row, even if
 * keys repeat.
 */
export function groupsOf(
  kind: 'insert' | 'insertNew' | 'delete',
  table: AnyTable,
  rows: readonly AnyRow[],
): WriteGroup[] {
  const properties = propertiesWritten(kind, table, {});
  const groups: { readonly rows: AnyRow[]; size: number }[] = [];
  for (const row of rows) {
    const size = sizeOf(row);
    const last = groups.at(-1);
    if (last && hasRoom(last, size)) {
      last.rows.push(row);
      last.size += size;
    } else {
      groups.push({ rows: [row], size });
    }
  }
  return groups.map((group) => ({ kind, table, properties, rows: group.rows }));
}

interface OpenGroup extends WriteGroup {
  /** Roughly the number of characters and bytes. */
  size: number;
  readonly rows: AnyRow[];
  /** The keys of an update or upsert, which must not repeat. */
  readonly keys: Set<string>;
  /** How many rows the buffer's states include. */
  seen: number;
}

export class WriteBuffer {
  readonly #groups: OpenGroup[] = [];
  readonly #states = new Map<string, Map<string, 'present' | 'absent'>>();

  add(kind: WriteKind, table: AnyTable, rows: readonly AnyRow[]): void {
    for (const row of rows) this.#append(kind, table, row);
  }

  /**
   * Adds an `insertNew` for each row whose key is neither stored nor written yet, and returns these rows.
   * `findStored` is called at most once, with the keys that no write has touched, and returns the stored ones.
   */
  async addNew<R extends AnyRow>(
    table: AnyTable,
    rows: readonly R[],
    findStored: (rows: readonly R[]) => Promise<ReadonlySet<string>>,
  ): Promise<R[]> {
    const unknown = rows.filter((row) => this.stateOf(table, row) === 'unknown');
    const stored = unknown.length === 0 ? new Set() : await findStored(unknown);
    return rows.filter((row) => {
      const state = this.stateOf(table, row);
      if (state === 'present' || (state === 'unknown' && stored.has(keyText(table, row)))) {
        return false;
      }
      this.add('insertNew', table, [row]);
      return true;
    });
  }

  stateOf(table: AnyTable, row: AnyRow): BufferedState {
    this.#see();
    return this.#states.get(table.name)?.get(keyText(table, row)) ?? 'unknown';
  }

  groups(): readonly WriteGroup[] {
    return this.#groups;
  }

  /** Most transactions never ask for a state, so states are derived when one is asked for. */
  #see(): void {
    const from = this.#groups.findIndex((group) => group.seen < group.rows.length);
    if (from === -1) return;
    for (const group of this.#groups.slice(from)) {
      const states = this.#statesOf(group.table);
      const state = group.kind === 'delete' ? 'absent' : 'present';
      for (const row of group.rows.slice(group.seen)) states.set(keyText(group.table, row), state);
      group.seen = group.rows.length;
    }
  }

  #statesOf(table: AnyTable): Map<string, 'present' | 'absent'> {
    const known = this.#states.get(table.name);
    if (known) return known;
    const states = new Map<string, 'present' | 'absent'>();
    this.#states.set(table.name, states);
    return states;
  }

  #append(kind: WriteKind, table: AnyTable, row: AnyRow): void {
    const size = sizeOf(row);
    const key = kind === 'update' || kind === 'upsert' ? keyText(table, row) : undefined;
    const last = this.#groups.at(-1);
    if (last && isAlike(last, { kind, table, row }) && hasRoom(last, size) && !repeats(last, key)) {
      last.rows.push(row);
      last.size += size;
      if (key !== undefined) last.keys.add(key);
      return;
    }
    const properties = propertiesWritten(kind, table, row);
    const keys = new Set(key === undefined ? [] : [key]);
    this.#groups.push({ kind, table, properties, size, rows: [row], keys, seen: 0 });
  }
}

function isAlike(
  group: OpenGroup,
  {
    kind,
    table,
    row,
  }: { readonly kind: WriteKind; readonly table: AnyTable; readonly row: AnyRow },
): boolean {
  if (group.kind !== kind || group.table.name !== table.name) return false;
  return (
    kind !== 'update' || group.properties.join() === propertiesWritten(kind, table, row).join()
  );
}

function hasRoom(
  group: { readonly rows: readonly AnyRow[]; readonly size: number },
  size: number,
): boolean {
  return group.rows.length < MAX_GROUP_ROWS && group.size + size <= MAX_GROUP_SIZE;
}

function repeats({ keys }: OpenGroup, key: string | undefined): boolean {
  return key !== undefined && keys.has(key);
}

/** Roughly the number of characters and bytes of a value, or of all values in it. */
export function sizeOf(value: unknown): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  let size = 0;
  for (const part of Object.values(value)) size += sizeOf(part);
  return size;
}

/**
 * An update touches the columns that its row names, including those set to `undefined`; an insert writes
 * all columns.
 */
export function propertiesWritten(kind: WriteKind, table: AnyTable, row: AnyRow): string[] {
  if (kind === 'delete') return [...table.key];
  const all = Object.keys(table.columns);
  return kind === 'update' ? all.filter((property) => property in row) : all;
}

export function hasFromNow({ rows }: WriteGroup): boolean {
  return rows.some((row) => Object.values(row).some((value) => value instanceof FromNow));
}

/** Returns the group with times in place of `fromNow`, for databases that do not write by statements. */
export function resolveFromNow(group: WriteGroup, now: EpochMs): WriteGroup {
  const resolve = (value: unknown): unknown => (value instanceof FromNow ? now + value.ms : value);
  const rows = group.rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([property, value]) => [property, resolve(value)])),
  );
  return { ...group, rows };
}
