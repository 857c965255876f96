/** Turns a PGlite instance, or a transaction of one, into a session. */
import { toStorageError } from '../postgres/errors.ts';
import type { Session, SessionResult } from '../postgres/session.ts';
import type { WireParam, WireValue } from '../postgres/types.ts';

/** The part of PGlite that is used here. It is structural, so that instances of any version fit. */
export interface PgliteLike extends PgliteQueries {
  readonly closed: boolean;
  transaction<T>(fn: (tx: PgliteQueries) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface PgliteQueries {
  query(text: string, values?: unknown[], options?: PgliteQueryOptions): Promise<PgliteResult>;
  exec(text: string): Promise<unknown>;
}

interface PgliteQueryOptions {
  readonly rowMode?: 'array' | 'object';
  readonly parsers?: Record<number, (text: string) => unknown>;
  readonly serializers?: Record<number, (value: unknown) => string>;
}

interface PgliteResult {
  readonly rows: unknown[];
  readonly fields: { readonly name: string }[];
  readonly affectedRows?: number;
  readonly command?: string;
}

/** The types that types.ts sends, and those that expressions in queries may have. */
const TYPE_OIDS = [
  16, 17, 18, 19, 20, 21, 23, 25, 26, 114, 700, 701, 1001, 1005, 1007, 1009, 1015, 1016, 1022, 1042,
  1043, 1082, 1114, 1184, 1231, 1700, 2950, 3802, 5069,
];

const asText = Object.fromEntries(TYPE_OIDS.map((oid) => [oid, (text: string) => text]));
const fromText = Object.fromEntries(TYPE_OIDS.map((oid) => [oid, String]));

export function pgliteSession(queries: PgliteQueries): Session {
  return {
    run: (text, values = []) => run(queries, text, values),
    runScript: async (text) => {
      await queries.exec(text).catch(rethrow);
    },
  };
}

async function run(
  queries: PgliteQueries,
  text: string,
  values: readonly WireParam[],
): Promise<SessionResult> {
  const result = await queries
    .query(text, [...values], { rowMode: 'array', parsers: asText, serializers: fromText })
    .catch(rethrow);
  const rows = result.rows as WireValue[][];
  return {
    command: result.command ?? '',
    fields: result.fields.map(({ name }) => name),
    rows,
    count: Math.max(result.affectedRows ?? 0, rows.length),
  };
}

function rethrow(thrown: unknown): never {
  throw toStorageError(thrown);
}
