/** Tables and `insertAll` through @google-cloud/bigquery. */
import type { BigQuery, Table, TableMetadata } from '@google-cloud/bigquery';
import { CodedError, loadOptional, type OptionalPackage } from '@postlude/queue/foundations';
import type { ExportTable } from '../../sink.ts';
import type { JsonRow } from '../rows/json-row.ts';
import type { Field, TableDefinition } from '../tables/table-definition.ts';
import { tableName } from '../tables/table-name.ts';
import { fromHttpError } from './client-errors.ts';
import type { PresentTable, RowError, TableClient } from './ports.ts';

export const BIGQUERY: OptionalPackage = {
  name: '@google-cloud/bigquery',
  for: 'the export to BigQuery',
};

/** A call that takes longer has lost its connection. */
const TIMEOUT_MS = 60_000;

export interface TableClientOptions {
  /** The API of an emulator; Google's unless given. */
  readonly endpoint?: string | undefined;
}

export async function openTableClient(options: TableClientOptions): Promise<GoogleTableClient> {
  return new GoogleTableClient(await openHttpClient(options));
}

/** Credentials come from the environment, as for all of Google's clients. */
export async function openHttpClient({ endpoint }: TableClientOptions): Promise<BigQuery> {
  const { BigQuery } = await loadOptional(BIGQUERY, () => import('@google-cloud/bigquery'));
  const options = { autoRetry: false, maxRetries: 0, timeout: TIMEOUT_MS };
  const emulator = endpoint === undefined ? {} : emulatorAt(endpoint);
  return new BigQuery({ ...options, ...emulator });
}

/** Without this, the client looks for credentials and a project, which takes seconds. */
function emulatorAt(apiEndpoint: string): object {
  const authClient = { getRequestHeaders: async () => new Headers() };
  return { apiEndpoint, projectId: 'emulator', authClient };
}

interface Metadata {
  readonly etag: string;
  readonly location?: string;
  readonly schema?: { readonly fields?: Field[] };
}

interface InsertError {
  readonly index?: number;
  readonly errors?: readonly { readonly reason?: string; readonly message?: string }[];
}

export class GoogleTableClient implements TableClient {
  readonly #client: BigQuery;

  constructor(client: BigQuery) {
    this.#client = client;
  }

  async find(table: ExportTable): Promise<PresentTable | undefined> {
    try {
      const [metadata] = await this.#table(table).getMetadata();
      const { etag, location, schema } = metadata as Metadata;
      return { etag, location, fields: schema?.fields ?? [] };
    } catch (thrown) {
      const error = fromHttpError(thrown, `read the table ${tableName(table)}`);
      if (error.code === 'not-found') return undefined;
      throw error;
    }
  }

  async create(table: ExportTable, definition: TableDefinition): Promise<void> {
    // The types of the package have mutable lists.
    const options = definition as unknown as TableMetadata;
    await failing(`create the table ${tableName(table)}`, () =>
      this.#dataset(table).createTable(table.table, options),
    );
  }

  async setFields(table: ExportTable, { fields, etag }: PresentTable): Promise<void> {
    const metadata = { etag, schema: { fields: [...fields] as object[] } };
    await failing(`add columns to the table ${tableName(table)}`, () =>
      this.#table(table).setMetadata(metadata),
    );
  }

  async delete(table: ExportTable): Promise<void> {
    await failing(`delete the table ${tableName(table)}`, () => this.#table(table).delete());
  }

  async insert(table: ExportTable, rows: readonly JsonRow[]): Promise<readonly RowError[]> {
    const options = { raw: true, skipInvalidRows: true, partialRetries: 0 };
    const action = `insert into ${tableName(table)}`;
    try {
      await this.#table(table).insert([...rows], options);
      return [];
    } catch (thrown) {
      const errors = insertErrors(thrown);
      if (errors.length === 0) throw fromHttpError(thrown, action);
      return errors.map((error) => toRowError(error, action));
    }
  }

  #dataset({ project, dataset }: ExportTable) {
    return this.#client.dataset(dataset, { projectId: project });
  }

  #table(table: ExportTable): Table {
    return this.#dataset(table).table(table.table);
  }
}

async function failing(action: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    throw fromHttpError(thrown, action);
  }
}

function insertErrors(thrown: unknown): readonly InsertError[] {
  const { response } = thrown as { response?: { insertErrors?: readonly InsertError[] } };
  return response?.insertErrors ?? [];
}

/** BigQuery notices columns that have just been added after some minutes. */
const COLUMN_UNKNOWN = /no such field/i;

/** Throws if the row itself is not to blame, so that all rows are sent again. */
function toRowError({ index = 0, errors = [] }: InsertError, action: string): RowError {
  const reason = errors.map(({ message }) => message).join('; ');
  const isToBlame = errors.every((error) => error.reason === 'invalid');
  if (isToBlame && !COLUMN_UNKNOWN.test(reason)) return { index, reason };
  throw new CodedError('unavailable', `BigQuery: cannot ${action}: ${reason}`);
}
