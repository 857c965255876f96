/**
 * Reads rows of any length in bounded memory. The query leaves the long columns of long rows out, and
 * returns the length of each row; the long rows are then read by their keys, a few at a time.
 */
import {
  type AnyTable,
  type Columns,
  columnName,
  int,
  join,
  type Key,
  nullable,
  type Reader,
  type Row,
  type RowOf,
  raw,
  type Sql,
  selectList,
  sql,
} from '@postlude/queue/storage';

export interface SizedRow<T extends AnyTable> {
  readonly row: Row<T>;
  /** The length of its long columns together. */
  readonly bytes: number;
}

export interface LongRowsParts<T extends AnyTable> {
  readonly table: T;
  /** The columns that may be long: text, bytes, or lists of text. */
  readonly long: readonly (keyof T['columns'] & string)[];
  /** The long columns that are not wanted. They read as NULL, or as an empty list. */
  readonly omitted?: ReadonlySet<string> | undefined;
}

/** A query returns longer rows without their long columns. */
const MAX_SHORT_BYTES = 8 * 1024;
/** Bounds the long rows that are read at once. A single row may be longer. */
const MAX_LONG_BYTES = 4_000_000;

export class LongRows<T extends AnyTable> {
  /** A query of so many rows takes some 5 ms in an embedded database, and holds a few megabytes. */
  static readonly maxRows = 500;
  /** The query up to FROM and the table. */
  readonly select: Sql;
  readonly #reader: Reader;
  readonly #table: T;
  readonly #columns: Columns;
  readonly #long: readonly string[];
  /** What the omitted columns read as; undefined if there are none. */
  readonly #empty: Readonly<Record<string, unknown>> | undefined;

  constructor(reader: Reader, { table, long, omitted = new Set() }: LongRowsParts<T>) {
    const all: [string, Columns[string]][] = Object.entries(table.columns);
    this.#reader = reader;
    this.#table = table;
    this.#columns = Object.fromEntries(all.filter(([property]) => !omitted.has(property)));
    this.#long = long.filter((property) => !omitted.has(property));
    this.#empty = emptyColumns(all.filter(([property]) => omitted.has(property)));
    const lengths = this.#long.map((property) => lengthOf(reader, table, property));
    const bytes = join([raw('0'), ...lengths], ' + ');
    this.select = sql`SELECT ${selectList(this.#columns)}, ${bytes} AS row_bytes FROM ${table}`;
  }

  /** Yields the rows of a query that begins with `select`, in the order of the table's key. */
  async *read(query: Sql): AsyncGenerator<readonly SizedRow<T>[], void, void> {
    const optional: Columns = Object.fromEntries(
      this.#long.map((property) => [property, nullable(this.#typeOf(property))]),
    );
    const columns = { ...this.#columns, ...optional, rowBytes: int };
    const rows = await this.#reader.query(this.#withoutLong(query), columns);
    for (const group of groupsOf(rows)) yield await this.#whole(group);
  }

  #typeOf(property: string): Columns[string] {
    const type = this.#columns[property];
    if (type === undefined) throw new Error(`${this.#table.name} has no column ${property}`);
    return type;
  }

  #withoutLong(query: Sql): Sql {
    const long = new Set(this.#long);
    const columns = Object.keys(this.#columns).map((property) => {
      const name = columnName(property);
      return raw(
        long.has(property)
          ? `CASE WHEN row_bytes <= ${MAX_SHORT_BYTES} THEN ${name} END AS ${name}`
          : name,
      );
    });
    const key = raw(this.#table.key.map(columnName).join(', '));
    return sql`SELECT ${join(columns)}, row_bytes FROM (${query}) AS r ORDER BY ${key}`;
  }

  async #whole(group: readonly ReadRow[]): Promise<readonly SizedRow<T>[]> {
    const long = group.filter(isLong);
    if (long.length === 0) return group.map((found) => this.#sized(found, found));
    const keys = long as unknown as readonly Key<T>[];
    const read = await this.#reader.readKeys(this.#table, keys, this.#columns);
    const byKey = new Map(read.map((row) => [this.#keyOf(row), row]));
    return group.map((found) => {
      const row = isLong(found) ? byKey.get(this.#keyOf(found)) : found;
      return this.#sized(found, row);
    });
  }

  /** Copies a row only if columns are to be added to it. */
  #sized({ rowBytes }: ReadRow, row: RowOf<Columns> | undefined): SizedRow<T> {
    const whole = this.#empty ? { ...row, ...this.#empty } : row;
    return { row: whole as Row<T>, bytes: rowBytes };
  }

  #keyOf(row: RowOf<Columns>): string {
    return JSON.stringify(this.#table.key.map((property: string) => row[property]));
  }
}

function emptyColumns(
  columns: readonly [string, Columns[string]][],
): Readonly<Record<string, unknown>> | undefined {
  if (columns.length === 0) return undefined;
  return Object.fromEntries(
    columns.map(([property, { isNullable }]) => [property, isNullable ? undefined : []]),
  );
}

type ReadRow = RowOf<Columns> & { readonly rowBytes: number };

function isLong({ rowBytes }: ReadRow): boolean {
  return rowBytes > MAX_SHORT_BYTES;
}

/** Cuts the rows into groups whose long rows can be read at once. */
function* groupsOf(rows: readonly ReadRow[]): Generator<readonly ReadRow[], void, void> {
  let group: ReadRow[] = [];
  let bytes = 0;
  for (const row of rows) {
    const added = isLong(row) ? row.rowBytes : 0;
    if (bytes > 0 && bytes + added > MAX_LONG_BYTES) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(row);
    bytes += added;
  }
  if (group.length > 0) yield group;
}

function lengthOf({ dialect }: Reader, { columns }: AnyTable, property: string): Sql {
  const column = raw(columnName(property));
  const isList = columns[property].kind === 'text[]';
  const flat = isList ? sql`array_to_string(${column}, '')` : column;
  return sql`COALESCE(${dialect.byteLength(flat)}, 0)`;
}
