/**
 * A BigQuery for tests, which the real client libraries talk to. It enforces what the service does and emulators
 * do not: offsets, insertId windows, ETags, schema changes, quotas and limits; and it fails when a test says so.
 *
 *     const bigQuery = await FakeBigQuery.start({ clock });           // close it in the end
 *     bigQuery.addDataset('acme', 'ci');                              // tables are created through the API
 *     new BigQuery({ projectId: 'acme', ...bigQuery.httpOptions });   // @google-cloud/bigquery
 *     new v1.BigQueryWriteClient({ projectId: 'acme', ...bigQuery.grpcOptions });   // …/bigquery-storage
 *     bigQuery.rows({ project: 'acme', dataset: 'ci', table: 'results' });
 *
 * By default Google's clients repeat failed calls in real time: CreateWriteStream after 10 s (give gax `retry:
 * null` in its call options), HTTP after a second (`autoRetry: false`).
 */
import type { BigQueryOptions } from '@google-cloud/bigquery';
import { type Clock, emulatorOptions } from '@postlude/queue/foundations';
import { FaultPlan } from './faults.ts';
import { GrpcServer } from './grpc-server.ts';
import { HttpServer } from './http-server.ts';
import type { JobError } from './jobs/jobs.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import type { LandedRow, TableName } from './table.ts';
import type { Row } from './values.ts';
import { Warehouse } from './warehouse.ts';
import { WriteService } from './write-service.ts';

export interface FakeBigQueryConfig {
  readonly clock: Clock;
  readonly limits?: Partial<Limits>;
  /** Unless it is false, rows can be read. Otherwise they are checked and counted, for loads of millions. */
  readonly keepsRows?: boolean;
}

export class FakeBigQuery {
  readonly faults: FaultPlan;
  readonly #warehouse: Warehouse;
  readonly #http: HttpServer;
  readonly #grpc: GrpcServer;

  private constructor(parts: {
    readonly warehouse: Warehouse;
    readonly faults: FaultPlan;
    readonly http: HttpServer;
    readonly grpc: GrpcServer;
  }) {
    this.faults = parts.faults;
    this.#warehouse = parts.warehouse;
    this.#http = parts.http;
    this.#grpc = parts.grpc;
  }

  static async start(config: FakeBigQueryConfig): Promise<FakeBigQuery> {
    const { clock, keepsRows = true } = config;
    const limits = { ...DEFAULT_LIMITS, ...config.limits };
    const warehouse = new Warehouse({ clock, limits, keepsRows });
    const faults = new FaultPlan();
    const service = new WriteService(warehouse, faults);
    const [http, grpc] = await Promise.all([
      HttpServer.start(warehouse, faults),
      GrpcServer.start((call) => service.handle(call)),
    ]);
    return new FakeBigQuery({ warehouse, faults, http, grpc });
  }

  async close(): Promise<void> {
    await Promise.all([this.#http.close(), this.#grpc.close()]);
  }

  /** For `new BigQuery(…)`. */
  get httpOptions(): HttpOptions {
    // Otherwise the client asks a metadata server for a token.
    const authClient = { getRequestHeaders: () => Promise.resolve(new Headers()) };
    return { apiEndpoint: this.httpUrl, authClient: authClient as HttpOptions['authClient'] };
  }

  /** For `new BigQueryWriteClient(…)` and `new WriterClient(…)`. */
  get grpcOptions(): ReturnType<typeof emulatorOptions> {
    const address = { hostname: '127.0.0.1', port: this.#grpc.port };
    return emulatorOptions('@google-cloud/bigquery-storage', address);
  }

  /** `http://127.0.0.1:port`. */
  get httpUrl(): string {
    return this.#http.url;
  }

  /** `127.0.0.1:port`. */
  get grpcHost(): string {
    return `127.0.0.1:${this.#grpc.port}`;
  }

  addDataset(project: string, dataset: string): void {
    this.#warehouse.addDataset(project, dataset);
  }

  /** Deletes the table at once, whatever writes to it. */
  deleteTable(name: TableName): void {
    this.#warehouse.delete(name);
  }

  /** Every access to the table is denied from now on, or allowed again. */
  forbid(name: TableName, isForbidden = true): void {
    this.#warehouse.forbid(name, isForbidden);
  }

  /** No rows can be written to the table from now on, as its quota is used up; or they can again. */
  exhaust(name: TableName, isExhausted = true): void {
    this.#warehouse.exhaust(name, isExhausted);
  }

  /** Returns the names of the tables of a dataset. */
  tablesOf(dataset: Omit<TableName, 'table'>): readonly string[] {
    return this.#warehouse.tablesOf(dataset);
  }

  /** Calls `onChange` after each change of the visible rows of a table that exists. */
  watch(name: TableName, onChange: () => void): void {
    const table = this.#warehouse.find(name);
    if (table) table.onChange = onChange;
  }

  /** Each job that takes effect asks `fails` whether it fails instead. */
  failJobs(fails: () => JobError | undefined): void {
    this.#warehouse.jobs.fails = fails;
  }

  /** No job may be run from now on; or they may again. */
  forbidJobs(isForbidden = true): void {
    this.#warehouse.jobs.isForbidden = isForbidden;
  }

  /** Rows for which `reason` returns a text are refused, as rows that the service cannot store. */
  rejectRows(reason: (row: Row) => string | undefined): void {
    this.#warehouse.rejects = reason;
  }

  /** The visible rows in the order in which they became visible; undefined if there is no such table. */
  landed(name: TableName): readonly LandedRow[] | undefined {
    return this.#warehouse.find(name)?.rows;
  }

  /** The same, without their streams and offsets. */
  rows(name: TableName): readonly Row[] {
    return (this.landed(name) ?? []).map(({ row }) => row);
  }

  /** How many rows of the table are visible. */
  rowCount(name: TableName): number {
    return this.#warehouse.find(name)?.rowCount ?? 0;
  }

  /** The explicit streams that have been created, by their full names. */
  get streams(): readonly { readonly name: string; readonly end: number }[] {
    return this.#warehouse.streams;
  }

  get connections(): number {
    return this.#warehouse.connections;
  }

  /** The most bytes of appends that one connection has had in flight: received, and not answered. */
  get peakInFlightBytes(): number {
    return this.#warehouse.peakInFlightBytes;
  }

  /** Breaks all gRPC connections now. */
  cut(): void {
    this.#grpc.cut();
  }
}

interface HttpOptions {
  readonly apiEndpoint: string;
  readonly authClient: NonNullable<BigQueryOptions['authClient']>;
}
