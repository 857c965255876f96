/** A buffered transaction of one session. `flush` applies its writes; whoever owns it then commits. */
import { BufferedTransaction } from '../buffered-transaction.ts';
import { type ColumnKind, type Columns, columnName, type RowOf } from '../column.ts';
import { type AnyRow, keyColumns, keyText } from '../key.ts';
import { join, raw, type Sql, selectList, sql } from '../sql.ts';
import type { AnyTable } from '../table.ts';
import { SessionReader } from './reader.ts';
import type { Session } from './session.ts';
import { applyGroup } from './statements.ts';
import { encodeColumn, sqlTypeOf } from './types.ts';

export class PostgresTransaction extends BufferedTransaction {
  readonly #session: Session;
  readonly #schema: string;

  constructor(session: Session, schema: string) {
    super(new SessionReader(session, schema));
    this.#session = session;
    this.#schema = schema;
  }

  get hasWrites(): boolean {
    return this.groups().length > 0;
  }

  async flush(): Promise<void> {
    for (const group of this.groups()) await applyGroup(this.#session, this.#schema, group);
  }

  protected async storedKeys(table: AnyTable, rows: readonly AnyRow[]): Promise<Set<string>> {
    const columns = keyColumns(table);
    const arrays = Object.entries(columns).map(([property, { kind }]) =>
      arrayParam(
        kind,
        rows.map((row) => row[property]),
      ),
    );
    const names = Object.keys(columns).map(columnName);
    const on = names.map((name) => `t.${name} = v.${name}`).join(' AND ');
    const found: RowOf<Columns>[] = await this.query(
      sql`SELECT ${selectList(columns, 't')} FROM unnest(${join(arrays)}) AS v(${raw(names.join(', '))})
          JOIN ${table} AS t ON ${raw(on)}`,
      columns,
    );
    return new Set(found.map((row) => keyText(table, row)));
  }
}

/** An array literal of any element type travels as text and is cast. */
function arrayParam(kind: ColumnKind, values: readonly unknown[]): Sql {
  return sql`${encodeColumn(kind, values)}::${raw(sqlTypeOf(kind))}[]`;
}
