/** Everything that the fake has stored: datasets, tables, and streams by their names. */
import type { Clock } from '@postlude/queue/foundations';
import { ApiError, WriteError } from './errors.ts';
import { Jobs } from './jobs/jobs.ts';
import { type Limits, RateLimit } from './limits.ts';
import { Table, type TableName, tableId } from './table.ts';
import type { Row } from './values.ts';
import { type StreamType, WriteStream } from './write-stream.ts';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;

export class Warehouse {
  readonly clock: Clock;
  readonly limits: Limits;
  /** Returns why a row is refused; tests set it. */
  rejects: (row: Row) => string | undefined = () => undefined;
  /** The open connections of AppendRows. */
  connections = 0;
  #peakInFlightBytes = 0;
  readonly jobs = new Jobs(this);
  readonly #datasets = new Set<string>();
  readonly #tables = new Map<string, Table>();
  readonly #streams = new Map<string, WriteStream>();
  readonly #forbidden = new Set<string>();
  readonly #exhausted = new Set<string>();
  readonly #streamRates: readonly RateLimit[];
  #streamCount = 0;

  readonly keepsRows: boolean;

  constructor(at: {
    readonly clock: Clock;
    readonly limits: Limits;
    /** Whether visible rows can be read, or only be counted. */
    readonly keepsRows: boolean;
  }) {
    const { clock, limits } = at;
    this.clock = clock;
    this.limits = limits;
    this.keepsRows = at.keepsRows;
    this.#streamRates = [
      new RateLimit(clock, { count: limits.streamsPerSecond, perMs: SECOND_MS }),
      new RateLimit(clock, { count: limits.streamsPerHour, perMs: HOUR_MS }),
    ];
  }

  /** The most that one connection has had in flight: read, and not answered. */
  get peakInFlightBytes(): number {
    return this.#peakInFlightBytes;
  }

  countInFlight(bytes: number): void {
    this.#peakInFlightBytes = Math.max(this.#peakInFlightBytes, bytes);
  }

  addDataset(project: string, dataset: string): void {
    this.#datasets.add(`${project}:${dataset}`);
  }

  /** From now on every access to the table is denied; or no longer. */
  forbid(name: TableName, isForbidden: boolean): void {
    if (isForbidden) this.#forbidden.add(tableId(name));
    else this.#forbidden.delete(tableId(name));
  }

  /** From now on no rows can be written to the table, as its quota is used up; or they can again. */
  exhaust(name: TableName, isExhausted: boolean): void {
    if (isExhausted) this.#exhausted.add(tableId(name));
    else this.#exhausted.delete(tableId(name));
  }

  create(name: TableName, body: Readonly<Record<string, unknown>>): Table {
    this.#checkAccess(name);
    this.#checkDataset(name);
    const id = tableId(name);
    if (this.find(name)) throw new ApiError(409, 'duplicate', `Already Exists: Table ${id}`);
    if (!/^[\p{L}\p{M}\p{N}\p{Pc}\p{Pd}\p{Zs}]{1,1024}$/u.test(name.table)) {
      throw new ApiError(400, 'invalid', `Invalid table ID "${name.table}".`);
    }
    const table = new Table(this, name, body);
    this.#tables.set(id, table);
    return table;
  }

  /** Streams of a deleted table stay unusable, also if a table of this name is created again. */
  delete(name: TableName): void {
    this.get(name);
    this.#tables.delete(tableId(name));
  }

  get(name: TableName): Table {
    this.#checkAccess(name);
    this.#checkDataset(name);
    const table = this.find(name);
    if (table) return table;
    throw new ApiError(404, 'notFound', `Not found: Table ${tableId(name)}`);
  }

  find(name: TableName): Table | undefined {
    const table = this.#tables.get(tableId(name));
    if (table?.isExpired) this.#tables.delete(tableId(name));
    return table?.isExpired ? undefined : table;
  }

  /** The tables of a dataset, by their names. */
  tablesOf({ dataset, project }: Omit<TableName, 'table'>): readonly string[] {
    const own = [...this.#tables.values()].filter(
      ({ name }) => name.project === project && name.dataset === dataset && this.find(name),
    );
    return own.map(({ name }) => name.table);
  }

  /** The table, if rows can be written to it now. */
  writable(name: TableName): Table {
    const table = this.get(name);
    if (!table.isWritable) {
      throw new ApiError(404, 'notFound', `Not found: Table ${tableId(name)}`);
    }
    if (this.#exhausted.has(tableId(name))) {
      const message = `Quota exceeded: Your table ${tableId(name)} exceeded quota for streaming insert rows per second.`;
      throw new ApiError(403, 'quotaExceeded', message);
    }
    return table;
  }

  /** As `writable`, for the Storage Write API. */
  writableAt(path: string): Table {
    const match = /^projects\/([^/]+)\/datasets\/([^/]+)\/tables\/([^/]+)$/.exec(path);
    if (!match) {
      throw new WriteError('INVALID_ARGUMENT', `Malformed table name '${path}'.`, { entity: path });
    }
    const [, project = '', dataset = '', table = ''] = match;
    try {
      return this.writable({ project, dataset, table });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      throw storageErrorOf(error, path);
    }
  }

  createStream(table: Table, type: StreamType): WriteStream {
    const rates = this.#streamRates.every((rate) => rate.take());
    if (!rates) throw quotaError('CreateWriteStream requests', table.path);
    const name = `${table.path}/streams/stream-${++this.#streamCount}`;
    const stream = new WriteStream({ name, type, table, warehouse: this });
    this.#streams.set(name, stream);
    return stream;
  }

  /** The stream of this name, explicit or default. */
  stream(name: string): WriteStream {
    const path = name.replace(/\/(streams\/)?_default$/, '');
    if (path !== name) {
      const table = this.writableAt(path);
      const stream = `${path}/streams/_default`;
      return new WriteStream({ name: stream, type: 'DEFAULT', table, warehouse: this });
    }
    const stream = this.#streams.get(name);
    if (stream && !stream.isExpired && this.find(stream.table.name) === stream.table) {
      this.writableAt(stream.table.path);
      return stream;
    }
    throw new WriteError('NOT_FOUND', 'Requested entity was not found.', {
      entity: name,
      storageCode: 'STREAM_NOT_FOUND',
    });
  }

  get streams(): readonly WriteStream[] {
    return [...this.#streams.values()];
  }

  #checkAccess(name: TableName): void {
    if (!this.#forbidden.has(tableId(name))) return;
    const message = `Access Denied: Table ${tableId(name)}: Permission bigquery.tables.get denied on table ${tableId(name)} (or it may not exist).`;
    throw new ApiError(403, 'accessDenied', message);
  }

  #checkDataset({ project, dataset }: TableName): void {
    if (this.#datasets.has(`${project}:${dataset}`)) return;
    throw new ApiError(404, 'notFound', `Not found: Dataset ${project}:${dataset}`);
  }
}

function storageErrorOf(error: ApiError, entity: string): WriteError {
  if (error.reason === 'quotaExceeded') return quotaError('AppendRows throughput', entity);
  if (error.code === 403) {
    const message = `Permission 'TABLES_UPDATE_DATA' denied on resource '${entity}' (or it may not exist).`;
    return new WriteError('PERMISSION_DENIED', message, { entity });
  }
  const about = { entity, storageCode: 'TABLE_NOT_FOUND' } as const;
  return new WriteError('NOT_FOUND', 'Requested entity was not found.', about);
}

export function quotaError(quota: string, entity: string): WriteError {
  const message = `Exceeds '${quota}' quota, user_id: project0000000000_us (status: INSUFFICIENT_TOKENS), you can issue a raise quota request through Google Cloud Console. Be sure to include this full error message in the request description.`;
  return new WriteError('RESOURCE_EXHAUSTED', message, { entity });
}
