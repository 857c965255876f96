/** Turns a transaction of postgres.js into a session. */
import { toStorageError } from '../errors.ts';
import type { Session, SessionResult } from '../session.ts';
import type { WireValue } from '../types.ts';

/**
 * The part of postgres.js's `TransactionSql` that is used. It is structural, so nothing is imported at run
 * time.
 */
export interface PostgresJsTransaction {
  unsafe(text: string, values?: never[]): PostgresJsQuery;
  typed(value: never, type: number): unknown;
}

interface PostgresJsQuery extends PromiseLike<unknown> {
  raw(): PromiseLike<unknown>;
}

interface RawResult extends ReadonlyArray<readonly (Uint8Array | null)[]> {
  readonly command: string;
  readonly count: number | null;
  readonly columns?: readonly { readonly name: string }[];
}

/** The OID of `text`. A parameter of this type is sent unchanged, and the statement casts it. */
const TEXT = 25;

export function isPostgresJs(client: object): client is PostgresJsTransaction {
  return 'unsafe' in client && 'typed' in client;
}

export function postgresJsSession(sql: PostgresJsTransaction): Session {
  return {
    async run(text, values = []) {
      const typed = values.map((value) => sql.typed(value as never, TEXT)) as never[];
      return toResult((await sql.unsafe(text, typed).raw().then(undefined, rethrow)) as RawResult);
    },
    async runScript(text) {
      await sql.unsafe(text).then(undefined, rethrow);
    },
  };
}

function toResult(result: RawResult): SessionResult {
  return {
    command: result.command,
    fields: (result.columns ?? []).map(({ name }) => name),
    rows: result.map((row) => row.map(toText)),
    count: result.count ?? 0,
  };
}

function toText(cell: Uint8Array | null): WireValue {
  return cell === null ? null : Buffer.from(cell).toString('utf8');
}

function rethrow(thrown: unknown): never {
  throw toStorageError(thrown);
}
