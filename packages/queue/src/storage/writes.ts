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

interface OpenGroup extends WriteGroup {
  readonly shape: string;
  /** Roughly the number of characters and bytes. */
  size: number;
  readonly rows: AnyRow[];
  readonly keys: Set<string>;
}

export class WriteBuffer {
  readonly #groups: OpenGroup[] = [];
  readonly #states = new Map<string, Map<string, 'present' | 'absent'>>();

  add(kind: WriteKind, table: AnyTable, rows: readonly AnyRow[]): void {
    const states = this.#statesOf(table);
    for (const row of rows) {
      const key = keyText(table, row);
      states.set(key, kind === 'delete' ? 'absent' : 'present');
      this.#append({ kind, table, properties: propertiesWritten(kind, table, row) }, row, key);
    }
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
    return this.#states.get(table.name)?.get(keyText(table, row)) ?? 'unknown';
  }

  groups(): readonly WriteGroup[] {
    return this.#groups;
  }

  #statesOf(table: AnyTable): Map<string, 'present' | 'absent'> {
    const known = this.#states.get(table.name);
    if (known) return known;
    const states = new Map<string, 'present' | 'absent'>();
    this.#states.set(table.name, states);
    return states;
  }

  #append(write: Omit<WriteGroup, 'rows'>, row: AnyRow, key: string): void {
    const shape = write.properties.join();
    const size = sizeOf(row);
    const last = this.#groups.at(-1);
    if (last && isAlike(last, { ...write, shape }) && hasRoom(last, key, size)) {
      last.rows.push(row);
      last.keys.add(key);
      last.size += size;
      return;
    }
    this.#groups.push({ ...write, shape, size, rows: [row], keys: new Set([key]) });
  }
}

function isAlike(
  group: OpenGroup,
  { kind, shape, table }: Pick<OpenGroup, 'kind' | 'shape' | 'table'>,
): boolean {
  return group.kind === kind && group.table.name === table.name && group.shape === shape;
}

function hasRoom(group: OpenGroup, key: string, size: number): boolean {
  if (group.rows.length >= MAX_GROUP_ROWS || group.size + size > MAX_GROUP_SIZE) return false;
  const mayRepeat = group.kind !== 'update' && group.kind !== 'upsert';
  return mayRepeat || !group.keys.has(key);
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  return Object.values(value).reduce((sum: number, part) => sum + sizeOf(part), 0);
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
