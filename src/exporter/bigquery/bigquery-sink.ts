/**
 * Exports into BigQuery: through the Storage Write API, each row exactly once, or through `insertAll`, each
 * row at least once. How far an export has come is in our own database (see ../progress.ts), whichever API
 * the attempts use.
 */
import type { Clock, Random } from '@postlude/queue/foundations';
import { CodedError, hasCode } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { beginAttempt, findProgress, type Progress } from '../progress.ts';
import { readRejectedRows } from '../rejected-rows.ts';
import { type ExportRow, INVOCATIONS, type RowKind, TEST_RESULTS } from '../rows/row-kind.ts';
import type { Export, ExportTable, Receipt, Sink, SinkSession } from '../sink.ts';
import { type LaterExport, LaterGenerations } from './again/later-generations.ts';
import {
  BigQuerySession,
  type RequestLimits,
  type Resumption,
  type SessionParts,
  toReceipt,
} from './bigquery-session.ts';
import type { JobClient, StreamClient, TableClient } from './clients/ports.ts';
import { InsertAllPool } from './insert-all-pool.ts';
import { insertId, toJson } from './rows/json-row.ts';
import { protoEncoder } from './rows/proto-row.ts';
import { ByteBudget } from './streams/byte-budget.ts';
import { StreamPool } from './streams/stream-pool.ts';
import { EnsureTables } from './tables/ensure-tables.ts';
import { TableCalls } from './tables/table-calls.ts';
import { tableOf } from './tables/table-definition.ts';
import { tableName } from './tables/table-name.ts';

export interface BigQuerySinkParts {
  readonly api: 'storage-write' | 'insert-all';
  readonly db: Pick<Database, 'read' | 'write'>;
  readonly tables: TableClient;
  readonly streams: StreamClient;
  readonly jobs: JobClient;
  /** The project that jobs run in; that of the table unless given. */
  readonly jobProject?: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** What one request may hold, and how many of an export may be on their way; as the API likes it unless given. */
  readonly limits?: RequestLimits;
}

/** Of all exports that run in this process. */
const MAX_BYTES_IN_FLIGHT = 32 * 1024 * 1024;
/** A request may have 10 MB; larger ones are no faster. */
const LIMITS: Readonly<Record<BigQuerySinkParts['api'], RequestLimits>> = {
  'storage-write': { rows: 20_000, bytes: 2 * 1024 * 1024, inFlight: 4 },
  'insert-all': { rows: 500, bytes: 5 * 1024 * 1024, inFlight: 4 },
};

/** The parts that know the columns of one kind of rows. */
interface KindParts {
  readonly ensureTables: EnsureTables;
  readonly streamPool: StreamPool;
  readonly encodeProto: (row: ExportRow) => Uint8Array;
}

export class BigQuerySink implements Sink {
  readonly #parts: BigQuerySinkParts;
  readonly #calls: TableCalls;
  readonly #budget = new ByteBudget(MAX_BYTES_IN_FLIGHT);
  readonly #insertPool: InsertAllPool;
  readonly #kinds: Readonly<Record<RowKind['name'], KindParts>>;
  readonly #later: LaterGenerations;

  constructor(parts: BigQuerySinkParts) {
    this.#parts = parts;
    const calls = new TableCalls(parts.clock, parts.random);
    this.#calls = calls;
    this.#insertPool = new InsertAllPool({ client: parts.tables, calls });
    this.#kinds = {
      'test-results': kindParts(parts, calls, TEST_RESULTS),
      invocations: kindParts(parts, calls, INVOCATIONS),
    };
    const hasDuplicates = parts.api === 'insert-all';
    const { jobProject } = parts;
    this.#later = new LaterGenerations({ ...parts, jobProject, calls, hasDuplicates });
  }

  async begin(exported: Export, signal?: AbortSignal): Promise<SinkSession | Receipt> {
    if (isLater(exported)) {
      if (exported.replaces.isTableShared) throw sharedTable(exported, 'invalid-argument');
      await this.#later.endEarlier(exported, signal);
    }
    const progress = await beginAttempt(this.#parts.db, exported);
    if (progress.isDone) return receiptOf(exported, progress);
    await this.#ensure(exported, signal);
    if (isLater(exported)) return await this.#beginLater(exported, progress, signal);
    const landedSince = await this.#countLanded(exported.table, progress, signal);
    const resumption = { exported, signal, progress, landedSince };
    return await this.#session(resumption, { table: exported.table });
  }

  async checkAgain(exported: Omit<Export, 'attempt'>): Promise<void> {
    if (exported.replaces?.isTableShared) throw sharedTable(exported, 'failed-precondition');
  }

  async find(exported: Omit<Export, 'attempt'>): Promise<Receipt | undefined> {
    const progress = await findProgress(this.#parts.db, exported);
    return progress?.isDone ? receiptOf(exported, progress) : undefined;
  }

  /** Ends all connections. No session may be open. */
  async close(): Promise<void> {
    for (const { streamPool } of Object.values(this.#kinds)) streamPool.close();
    await this.#parts.streams.close();
  }

  async #beginLater(
    exported: LaterExport,
    progress: Progress,
    signal: AbortSignal | undefined,
  ): Promise<SinkSession> {
    const count = (begun: Progress) => this.#countLanded(exported.table, begun, signal);
    const staged = await this.#later.stage(exported, progress, { count, signal });
    const { landedSince, table } = staged;
    const session = await this.#session(
      { exported, signal, progress: staged.progress, landedSince },
      {
        table,
        publish: (committing) => this.#later.replace(exported, staged, committing),
      },
    );
    return {
      landed: session.landed,
      append: (batch) => session.append(batch),
      abort: () => session.abort(),
      commit: async (summary, committing) => {
        const receipt = await session.commit(summary, committing);
        await this.#later.discard(staged);
        return receipt;
      },
    };
  }

  async #session(
    begun: Omit<Resumption, 'rejectedSince'>,
    place: Pick<SessionParts<unknown>, 'table' | 'publish'>,
  ): Promise<SinkSession> {
    const { db, api, limits = LIMITS[api] } = this.#parts;
    const { exported, progress, signal } = begun;
    const { kind } = exported;
    const { encodeProto, streamPool } = this.#kinds[kind.name];
    const from = progress.settled?.rows ?? 0;
    const limit = Number.MAX_SAFE_INTEGER;
    const rejected = await db.read((tx) => readRejectedRows(tx, exported, { from, limit }));
    const resumption = {
      ...begun,
      rejectedSince: new Map(rejected.map(({ row, reason }) => [row, reason])),
    };
    const parts = {
      ...place,
      db,
      budget: this.#budget,
      ensureAgain: () => this.#ensureAgain(exported, signal),
    };
    if (api === 'storage-write') {
      const encode = (row: ExportRow) => sized(encodeProto(row));
      const streaming = { ...parts, encode, pool: streamPool, limits };
      return new BigQuerySession(streaming, resumption);
    }
    const encode = (row: ExportRow) => {
      const value = { insertId: insertId(exported, row), json: toJson(kind.columns, row) };
      return { value, bytes: Buffer.byteLength(JSON.stringify(value)) };
    };
    const inserting = { ...parts, encode, pool: this.#insertPool, limits };
    return new BigQuerySession(inserting, resumption);
  }

  /** Ends the stream of an earlier attempt, and returns how many rows it has after the settled ones. */
  async #countLanded(
    table: ExportTable,
    { next }: Progress,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    if (next === undefined) return 0;
    const { stream, offset } = next;
    const finalize = () => this.#parts.streams.finalize(stream);
    const rows = await this.#calls.call(table, finalize, signal).catch((error: unknown) => {
      throw hasCode(error, 'not-found') ? lost(table, stream) : error;
    });
    if (rows >= offset) return rows - offset;
    const message = `the stream ${stream} has ${rows} rows, although ${offset} were acknowledged`;
    throw new CodedError('data-loss', message);
  }

  async #ensure({ kind, table }: Export, signal: AbortSignal | undefined): Promise<void> {
    const { ensureTables } = this.#kinds[kind.name];
    await this.#calls.call(table, () => ensureTables.ensure(table), signal);
  }

  async #ensureAgain(exported: Export, signal: AbortSignal | undefined): Promise<void> {
    this.#kinds[exported.kind.name].ensureTables.forget(exported.table);
    await this.#ensure(exported, signal);
  }
}

function kindParts(
  { clock, streams, tables }: BigQuerySinkParts,
  calls: TableCalls,
  kind: RowKind,
): KindParts {
  const { columns } = kind;
  return {
    ensureTables: new EnsureTables({ client: tables, clock, definition: tableOf(kind) }),
    streamPool: new StreamPool({ client: streams, calls, columns }),
    encodeProto: protoEncoder<ExportRow>(columns),
  };
}

function isLater(exported: Export): exported is LaterExport {
  return exported.replaces !== undefined;
}

function sized(value: Uint8Array) {
  return { value, bytes: value.length };
}

function receiptOf(exported: Pick<Export, 'table'>, { settled, rejected }: Progress): Receipt {
  return toReceipt(exported, { settledRows: settled?.rows ?? 0, rejected });
}

function sharedTable(
  { invocationId, table }: Omit<Export, 'attempt'>,
  code: 'failed-precondition' | 'invalid-argument',
): CodedError {
  return new CodedError(
    code,
    `invocations/${invocationId} has several exports to ${tableName(table)}: their rows look the same, so none of these exports can be made again; copy its rows to another table, or export it to another one`,
  );
}

/** No retry can help, and to begin again could write rows twice. */
function lost(table: ExportTable, stream: string): CodedError {
  return new CodedError(
    'not-found',
    `the stream ${stream}, into which this export wrote, does not exist any more: it is not known which of its rows are in ${tableName(table)}`,
  );
}
