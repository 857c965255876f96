/**
 * Converts files of JSON lines into a Parquet file with DuckDB, in bounded memory: with one
 * thread, a memory limit for DuckDB, and row groups of a bounded size. The same rows give the same
 * bytes.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { loadOptional, Mutex, type OptionalPackage, versionIn } from '@postlude/queue/foundations';
import type { Column, ColumnType } from '../rows/schema.ts';

/** The package that writes the files. */
const NAME = '@duckdb/node-api';

export const DUCKDB: OptionalPackage = {
  name: NAME,
  for: 'writing Parquet files',
  version: versionIn(new URL('../../../package.json', import.meta.url), NAME),
};

export interface Conversion {
  /** The file with one row a line. */
  readonly from: string;
  /** A folder with files of further rows, in the order of their names, if there are any. */
  readonly more: string | undefined;
  readonly to: string;
  readonly columns: readonly Column[];
  /** A folder for data that does not fit into memory; it need not exist. */
  readonly spill: string;
  /** At least the size of the longest line. */
  readonly maxLineBytes: number;
  readonly rowGroupRows: number;
  /** It is kept in the metadata of the Parquet file itself. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** DuckDB takes about 60 MB for rows of a usual size, and more only if lines are very long. */
const MEMORY_LIMIT = '192MB';
/** DuckDB reads in buffers of about twice the longest line that it accepts. */
const MIN_MAX_LINE_BYTES = 4 * 1024 * 1024;

/** A process runs one conversion at a time, as the memory limit is for one. */
const conversions = new Mutex();

/**
 * Returns how many rows the Parquet file has. Throws the reason of `signal` if that aborts; a part
 * of the file may then exist.
 */
export function convertToParquet(conversion: Conversion, signal: AbortSignal): Promise<number> {
  return conversions.run(async () => {
    signal.throwIfAborted();
    return await withDuckDb(conversion.spill, async (connection) => {
      await runUntilAborted(connection, copyStatement(conversion), signal);
      const counted = await connection.runAndReadAll(
        `SELECT count(*)::INTEGER FROM read_parquet(${fileLiteral(conversion.to)})`,
      );
      return Number(counted.getRows()[0]?.[0]);
    });
  });
}

async function runUntilAborted(
  connection: DuckDBConnection,
  statement: string,
  signal: AbortSignal,
): Promise<void> {
  // A statement ignores interrupts from before its start, so we start it before we listen.
  const started = await connection.start(statement);
  signal.throwIfAborted();
  const interrupt = (): void => connection.interrupt();
  signal.addEventListener('abort', interrupt);
  try {
    await started.getResult();
  } catch (error) {
    signal.throwIfAborted(); // DuckDB's own error says only that it was interrupted
    throw error;
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}

async function withDuckDb<T>(
  spill: string,
  fn: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const { DuckDBInstance } = await loadDuckDb();
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1',
    memory_limit: MEMORY_LIMIT,
    temp_directory: spill,
    autoinstall_known_extensions: 'false',
  });
  try {
    const connection = await instance.connect();
    try {
      return await fn(connection);
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

function loadDuckDb(): Promise<typeof import('@duckdb/node-api')> {
  return loadOptional(DUCKDB, () => import('@duckdb/node-api'));
}

function copyStatement({ columns, from, more, to, ...conversion }: Conversion): string {
  const maxLineBytes = Math.max(MIN_MAX_LINE_BYTES, conversion.maxLineBytes);
  const json = columns.map((column) => `${literal(column.name)}: ${literal(jsonType(column))}`);
  const sources = [fileLiteral(from), ...(more === undefined ? [] : [filesLiteral(more)])];
  const metadata = Object.entries(conversion.metadata);
  return `
    COPY (
      SELECT ${columns.map(selected).join(', ')}
      FROM read_json([${sources.join(', ')}], format = 'newline_delimited', compression = 'uncompressed',
        maximum_object_size = ${maxLineBytes}, columns = {${json.join(', ')}})
    ) TO ${literal(to)} (
      FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${conversion.rowGroupRows},
      KV_METADATA {${metadata.map(([key, value]) => `${literal(key)}: ${literal(value)}`).join(', ')}}
    )`;
}

const SQL_TYPES: Readonly<Record<Exclude<ColumnType, 'RECORD'>, string>> = {
  STRING: 'VARCHAR',
  BOOL: 'BOOLEAN',
  INTEGER: 'BIGINT',
  FLOAT: 'DOUBLE',
  // The JSON has microseconds.
  TIMESTAMP: 'BIGINT',
};

function jsonType({ type, mode, fields }: Column): string {
  const single = type === 'RECORD' ? structType(fields) : SQL_TYPES[type];
  return mode === 'REPEATED' ? `${single}[]` : single;
}

function structType(fields: readonly Column[]): string {
  return `STRUCT(${fields.map((field) => `"${field.name}" ${jsonType(field)}`).join(', ')})`;
}

function selected({ name, type }: Column): string {
  return type === 'TIMESTAMP' ? `make_timestamptz("${name}") AS "${name}"` : `"${name}"`;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function fileLiteral(path: string): string {
  return literal(escapePattern(path));
}

/** DuckDB sorts the files that a pattern matches by their names. */
function filesLiteral(folder: string): string {
  return literal(`${escapePattern(folder)}/*`);
}

/** Escapes the path of a file to read, which DuckDB would otherwise take for a pattern. */
function escapePattern(path: string): string {
  return path.replace(/[*?[]/g, (character) => `[${character}]`);
}
