/** Runs statements on a client of `pg`. It needs no types of the driver, so users of PGlite alone do not either. */
import { toStorageError } from '../errors.ts';
import type { SessionResult } from '../session.ts';
import type { WireParam, WireValue } from '../types.ts';
import type { StatementNames } from './statement-names.ts';

export interface PgQuery {
  readonly text: string;
  readonly values?: WireParam[];
  readonly name?: string;
  readonly rowMode: 'array';
  readonly types: { getTypeParser(): (text: string) => unknown };
}

export interface PgResult {
  readonly command: string;
  readonly rowCount: number | null;
  readonly fields: readonly { readonly name: string }[];
  readonly rows: readonly unknown[];
}

/**
 * The part of a client of `pg` that runs statements. The type is structural, to accept users' own clients.
 */
export interface PgQueryable {
  query(config: PgQuery): Promise<PgResult>;
}

const asText = { getTypeParser: () => (text: string) => text };

interface NamedStatement {
  readonly text: string;
  readonly values: readonly WireParam[];
  /** Without them, the statement is not prepared. */
  readonly names?: StatementNames | undefined;
}

/** Runs one statement, and returns its values as text. */
export async function runOn(
  client: PgQueryable,
  { names, text, values }: NamedStatement,
): Promise<SessionResult> {
  const name = values.length === 0 ? undefined : names?.nameOf(text);
  const result = await client
    .query({
      text,
      rowMode: 'array',
      types: asText,
      ...(values.length === 0 ? {} : { values: [...values] }),
      ...(name === undefined ? {} : { name }),
    })
    .catch(rethrow);
  return {
    command: result.command,
    fields: result.fields.map((field) => field.name),
    rows: result.rows as readonly (readonly WireValue[])[],
    count: result.rowCount ?? 0,
  };
}

export async function runScript(
  client: { query(text: string): Promise<unknown> },
  text: string,
): Promise<void> {
  await client.query(text).catch(rethrow);
}

export function rethrow(thrown: unknown): never {
  throw toStorageError(thrown);
}
