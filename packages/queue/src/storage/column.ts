/**
 * Column types say what a value is in JavaScript, however the database represents it. Each type is also a
 * function that turns a value into a typed parameter of a query: `timestamp(now)`.
 */
import type { EpochMs } from '../foundations/clock.ts';

/** The kinds of values that a column can hold. Each dialect has one SQL type for each of them. */
export type ColumnKind =
  | 'text'
  | 'int'
  | 'float'
  | 'bool'
  | 'bytes'
  | 'timestamp'
  | 'text[]'
  | 'bytes[]'
  | 'int[]';

/**
 * A parameter of a query. It carries its type, as databases cannot guess the type of an empty list or of
 * NULL.
 */
export interface Param {
  readonly kind: ColumnKind;
  readonly value: unknown;
}

export interface ColumnType<T, W = T> {
  (value: T): Param;
  readonly kind: ColumnKind;
  readonly isNullable: boolean;
  /** Never set; it only carries the JavaScript type. */
  readonly valueType?: T;
  /**
   * Never set; it only carries the type of what may be written, which the database may turn into the value.
   */
  readonly writtenType?: W;
}

/** A time to write into a row: `ms` after the moment of writing, by the database's clock. */
export class FromNow {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }
}

export function fromNow(ms: number): FromNow {
  return new FromNow(ms);
}

export const text = columnType<string>('text');
/** A whole number within ±2^53. */
export const int = columnType<number>('int');
export const float = columnType<number>('float');
export const bool = columnType<boolean>('bool');
export const bytes = columnType<Uint8Array>('bytes');
/** Precise to a microsecond in the years 1700 to 2240, and to a millisecond in others from the year 1 on. */
export const timestamp = columnType<EpochMs, EpochMs | FromNow>('timestamp');
export const textArray = columnType<readonly string[]>('text[]');
export const bytesArray = columnType<readonly Uint8Array[]>('bytes[]');
export const intArray = columnType<readonly number[]>('int[]');

/** The same type, with `undefined` for NULL. */
export function nullable<T, W>(type: ColumnType<T, W>): ColumnType<T | undefined, W | undefined> {
  return columnType<T | undefined, W | undefined>(type.kind, true);
}

function columnType<T, W = T>(kind: ColumnKind, isNullable = false): ColumnType<T, W> {
  const type = (value: T): Param => ({ kind, value });
  return Object.assign(type, { kind, isNullable });
}

// biome-ignore lint/suspicious/noExplicitAny: any column type fits here, whatever its value
export type Columns = Readonly<Record<string, ColumnType<any, any>>>;

type NullableKeys<C extends Columns> = {
  [K in keyof C]: undefined extends ValueOf<C[K]> ? K : never;
}[keyof C];

type ValueOf<T> = T extends ColumnType<infer V, infer _W> ? V : never;
type WrittenOf<T> = T extends ColumnType<infer _V, infer W> ? W : never;

/** A row as it is read: it has every column, and NULL is `undefined`. */
export type RowOf<C extends Columns> = { readonly [K in keyof C]: ValueOf<C[K]> };

/** A row as it is inserted. Nullable columns may be left out. */
export type NewRowOf<C extends Columns> = {
  readonly [K in Exclude<keyof C, NullableKeys<C>>]: WrittenOf<C[K]>;
} & { readonly [K in NullableKeys<C>]?: WrittenOf<C[K]> };

/** The columns that an update sets. */
export type ChangesOf<C extends Columns> = { readonly [K in keyof C]?: WrittenOf<C[K]> };

/** Returns the name of a column in SQL: `process_after` for `processAfter`. */
export function columnName(property: string): string {
  return property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
