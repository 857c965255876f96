/**
 * Tables that hold the rows of a later generation of an export until they replace those of the earlier ones.
 * Each has the columns of the table that the rows are for, in the same order, also within records. It deletes
 * itself after some days, so that nothing is left of an export that never ends.
 */
import { type Clock, CodedError, hasCode } from '@postlude/queue/foundations';
import type { Export, ExportTable } from '../../sink.ts';
import type { PresentTable, TableClient } from '../clients/ports.ts';
import { extendSchema } from '../tables/extend-schema.ts';
import type { TableCalls } from '../tables/table-calls.ts';
import { tableName } from '../tables/table-name.ts';

const PREFIX = 'postlude_staging_';
const NAME_DIGITS = 40;
/** An export that was interrupted for longer starts over. */
const LIFETIME_MS = 7 * 24 * 3_600_000;

export interface StagingTablesParts {
  readonly client: Pick<TableClient, 'find' | 'create' | 'setFields' | 'delete'>;
  readonly calls: TableCalls;
  readonly clock: Clock;
}

export class StagingTables {
  readonly #parts: StagingTablesParts;

  constructor(parts: StagingTablesParts) {
    this.#parts = parts;
  }

  async exists(staging: ExportTable, signal?: AbortSignal): Promise<boolean> {
    const { calls, client } = this.#parts;
    const present = await calls.call(staging, () => client.find(staging), signal);
    return present !== undefined;
  }

  /** Makes sure that it exists with the columns of `table`, and returns the region of both. */
  async ensure(
    staging: ExportTable,
    table: ExportTable,
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    const { calls, client } = this.#parts;
    const wanted = await calls.call(table, () => client.find(table), signal);
    if (wanted === undefined) throw missing(table);
    await calls.call(staging, () => this.#ensureOnce(staging, wanted), signal);
    return wanted.location;
  }

  /** It may be gone already. */
  async drop(staging: ExportTable, signal?: AbortSignal): Promise<void> {
    const { calls, client } = this.#parts;
    const drop = () =>
      client.delete(staging).catch((error: unknown) => {
        if (!hasCode(error, 'not-found')) throw error;
      });
    await calls.call(staging, drop, signal);
  }

  async #ensureOnce(staging: ExportTable, { fields }: PresentTable): Promise<void> {
    const { client, clock } = this.#parts;
    const present = await client.find(staging);
    try {
      if (present === undefined) {
        const expirationTime = String(Math.round(clock.now() + LIFETIME_MS));
        await client.create(staging, { schema: { fields }, expirationTime });
        return;
      }
      const extended = extendSchema(present.fields, fields);
      if (extended) await client.setFields(staging, { fields: extended, etag: present.etag });
    } catch (error) {
      if (!hasCode(error, 'already-exists', 'conflict')) throw error;
      throw new CodedError('unavailable', error.message, { cause: error });
    }
  }
}

/** Fingerprints differ for each table and generation, so no two exports share a staging table. */
export function stagingTable({ fingerprint, table }: Pick<Export, 'fingerprint' | 'table'>) {
  return { ...table, table: `${PREFIX}${fingerprint.slice(0, NAME_DIGITS)}` };
}

/** The table is there, or it would have been created: so it helps to try again. */
function missing(table: ExportTable): CodedError {
  return new CodedError('unavailable', `BigQuery: ${tableName(table)} is gone`);
}
