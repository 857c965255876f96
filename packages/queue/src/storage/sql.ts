/**
 * The `sql` tag builds SQL from text, typed parameters, tables and other fragments. A backend turns it into
 * a statement only when it runs. Values never become text.
 */
import { type ColumnKind, type Columns, columnName, type Param } from './column.ts';
import type { AnyTable } from './table.ts';

/** A piece of SQL. It is made by `sql`, `raw` or a dialect, and never from users' text. */
export interface Sql {
  readonly parts: readonly SqlPart[];
}

export type SqlPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'param'; readonly param: Param }
  | { readonly type: 'table'; readonly table: string };

/** The type of a plain value is inferred; times and NULL need a typed parameter. */
export type SqlValue = Sql | Param | AnyTable | string | number | boolean | Uint8Array;

/**
 * ``sql`SELECT id FROM ${tasks} WHERE type = ${type} AND process_after <= ${timestamp(now)}` ``
 *
 * A table becomes its full name, a fragment is inserted, and anything else becomes a parameter. A number
 * must be whole; use `float(x)` for others.
 */
export function sql(strings: TemplateStringsArray, ...values: readonly SqlValue[]): Sql {
  const parts: SqlPart[] = [];
  strings.forEach((text, index) => {
    if (text !== '') parts.push({ type: 'text', text });
    const value = values[index];
    if (value !== undefined) parts.push(...toParts(value));
  });
  return { parts };
}

/** Returns text as SQL, unchanged. Only constants of this code base may be passed. */
export function raw(text: string): Sql {
  return { parts: [{ type: 'text', text }] };
}

export const emptySql: Sql = { parts: [] };

/** Joins fragments, by commas unless told otherwise. */
export function join(fragments: readonly Sql[], separator = ', '): Sql {
  const parts = fragments.flatMap((fragment, index) =>
    index === 0 ? fragment.parts : [...raw(separator).parts, ...fragment.parts],
  );
  return { parts };
}

/** Returns the columns as a select list: `t.task_id, t.process_after`. */
export function selectList(columns: Columns, alias?: string): Sql {
  const prefix = alias === undefined ? '' : `${alias}.`;
  const names = Object.keys(columns).map((property) => `${prefix}${columnName(property)}`);
  return raw(names.join(', '));
}

export interface CompileOptions {
  readonly placeholder: (position: number, kind: ColumnKind) => string;
  readonly tableName: (name: string) => string;
}

export interface CompiledSql {
  readonly text: string;
  readonly params: readonly Param[];
}

export function compile(query: Sql, options: CompileOptions): CompiledSql {
  const params: Param[] = [];
  const text = query.parts.map((part) => {
    if (part.type === 'text') return part.text;
    if (part.type === 'table') return options.tableName(part.table);
    params.push(part.param);
    return options.placeholder(params.length, part.param.kind);
  });
  return { text: text.join(''), params };
}

function toParts(value: SqlValue): readonly SqlPart[] {
  if (typeof value === 'string') return [paramPart('text', value)];
  if (typeof value === 'boolean') return [paramPart('bool', value)];
  if (typeof value === 'number') return [paramPart('int', wholeNumber(value))];
  if (value instanceof Uint8Array) return [paramPart('bytes', value)];
  if ('parts' in value) return value.parts;
  if ('columns' in value) return [{ type: 'table', table: value.name }];
  return [{ type: 'param', param: value }];
}

function paramPart(kind: ColumnKind, value: unknown): SqlPart {
  return { type: 'param', param: { kind, value } };
}

function wholeNumber(value: number): number {
  if (!Number.isSafeInteger(value)) throw new TypeError(`expected a whole number, got ${value}`);
  return value;
}
