/**
 * Column types: what a value is in JavaScript, whatever the database makes of it. Each type is
 * also a function that turns a value into a typed parameter of a query: `timestamp(now)`.
 */
import type { EpochMs } from '../clock.ts';

/** What a column holds; each dialect has one SQL type for each. */
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

/** A value of a query, with its type: databases cannot guess that of an empty list or of NULL. */
export interface Param {
  readonly kind: ColumnKind;
  readonly value: unknown;
}

export interface ColumnType<T, W = T> {
  (value: T): Param;
  readonly kind: ColumnKind;
  readonly isNullable: boolean;
  /** Carries the JavaScript type only. */
  readonly valueType?: T;
  /** Carries the type of what may be written, which the database may have to make a value of. */
  readonly writtenType?: W;
}

/** A time that a row to be written may name: that of its writing, by the database's clock, and so much more. */
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
/**
 * Kept to a microsecond in the years 1700 to 2240; elsewhere, from the year 1 on, to a millisecond.
 */
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

/** A row as it is read: every column present, NULL as `undefined`. */
export type RowOf<C extends Columns> = { readonly [K in keyof C]: ValueOf<C[K]> };

/** A row as it is inserted: nullable columns may be left out. */
export type NewRowOf<C extends Columns> = {
  readonly [K in Exclude<keyof C, NullableKeys<C>>]: WrittenOf<C[K]>;
} & { readonly [K in NullableKeys<C>]?: WrittenOf<C[K]> };

/** What an update may set. */
export type ChangesOf<C extends Columns> = { readonly [K in keyof C]?: WrittenOf<C[K]> };

/** The name of a column in SQL: `processAfter` is `process_after`. */
export function columnName(property: string): string {
  return property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
