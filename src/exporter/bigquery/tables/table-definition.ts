/** Tables as BigQuery's API describes them. */
import type { RowKind } from '../../rows/row-kind.ts';
import type { Column } from '../../rows/schema.ts';

/** A column as the API describes it. A table that we did not create may have types of any name. */
export interface Field {
  readonly name: string;
  readonly type: string;
  readonly mode?: string;
  readonly description?: string;
  readonly fields?: readonly Field[];
}

/** The first three properties are those of a table that exports go to. */
export interface TableDefinition {
  readonly schema: { readonly fields: readonly Field[] };
  readonly timePartitioning?: { readonly type: 'DAY'; readonly field: string };
  readonly clustering?: { readonly fields: readonly string[] };
  /** When the table deletes itself, in milliseconds since the epoch; never unless given. */
  readonly expirationTime?: string;
}

export function tableOf({ clustering, columns }: RowKind): TableDefinition {
  return {
    schema: { fields: columns.map(toField) },
    timePartitioning: { type: 'DAY', field: 'partition_time' },
    clustering: { fields: clustering },
  };
}

function toField({ name, type, mode, description, fields }: Column): Field {
  const field = { name, type, mode, description };
  return type === 'RECORD' ? { ...field, fields: fields.map(toField) } : field;
}
