/**
 * Tries for `doctor` what exports do: it creates a table, writes a row, asks whether the job may run that
 * replaces rows, and deletes the table. A table that cannot be deleted deletes itself after an hour.
 */
import { CodedError, hasCode, randomHex, toError } from '@postlude/queue/foundations';
import { TEST_RESULTS } from '../rows/row-kind.ts';
import type { TestResultRow } from '../rows/test-result-row.ts';
import type { ExportTable } from '../sink.ts';
import type { Probe } from '../sinks/sink-kind.ts';
import { replaceStatement } from './again/replacement.ts';
import type { BigQuerySinkParts } from './bigquery-sink.ts';
import { InsertAllPool } from './insert-all-pool.ts';
import { insertId, toJson } from './rows/json-row.ts';
import { protoEncoder } from './rows/proto-row.ts';
import type { AppendOutcome, WriterPool } from './streams/row-writer.ts';
import { StreamPool } from './streams/stream-pool.ts';
import { TableCalls } from './tables/table-calls.ts';
import { tableOf } from './tables/table-definition.ts';
import { tableName } from './tables/table-name.ts';

export type ProbeParts = Omit<BigQuerySinkParts, 'db' | 'limits'>;

const LIFETIME_MS = 3_600_000;
const RUN = { id: 'postlude-probe', tags: [], realm: 'postlude:probe', properties: undefined };

const NO_TEST = {
  module_name: 'legacy',
  module_scheme: 'legacy',
  module_variant: '{}',
  module_variant_hash: '',
  coarse_name: '',
  fine_name: '',
  case_name: 'postlude/probe',
};

export async function probeDataset(
  parts: ProbeParts,
  dataset: Omit<ExportTable, 'table'>,
  signal: AbortSignal,
): Promise<Probe> {
  const { clock, tables } = parts;
  const table = { ...dataset, table: `postlude_probe_${randomHex(8)}` };
  const expirationTime = String(Math.round(clock.now() + LIFETIME_MS));
  await tables.create(table, { ...tableOf(TEST_RESULTS), expirationTime });
  try {
    await writeRow(parts, table, signal);
    const warning = await checkJob(parts, table);
    return { location: tableName(table), ...(warning === undefined ? {} : { warning }) };
  } finally {
    await tables.delete(table);
  }
}

async function writeRow(
  { api, clock, random, streams, tables }: ProbeParts,
  table: ExportTable,
  signal: AbortSignal,
): Promise<void> {
  const calls = new TableCalls(clock, random);
  const { columns } = TEST_RESULTS;
  const row = probeRow(clock.now() * 1000);
  if (api === 'storage-write') {
    const pool = new StreamPool({ client: streams, calls, columns });
    const encoded = protoEncoder<TestResultRow>(columns)(row);
    return await append({ pool, calls, table, row: encoded }, signal);
  }
  const pool = new InsertAllPool({ client: tables, calls });
  const id = insertId({ invocationId: RUN.id, index: 0 }, row);
  const json = { insertId: id, json: toJson(columns, row) };
  await append({ pool, calls, table, row: json }, signal);
}

interface Append<R> {
  readonly pool: WriterPool<R>;
  readonly calls: TableCalls;
  readonly table: ExportTable;
  readonly row: R;
}

/** A table that has just been created is found after a while, so it helps to try again. */
async function append<R>(
  { calls, pool, row, table }: Append<R>,
  signal: AbortSignal,
): Promise<void> {
  const outcome = await calls.call(
    table,
    async () => {
      const writer = await pool.take(table, signal, 'fresh').catch(throwUnavailable);
      try {
        return await writer.append([row]).catch(throwUnavailable);
      } finally {
        writer.close();
      }
    },
    signal,
  );
  const [refused] = rowErrors(outcome);
  if (refused) throw new CodedError('invalid-argument', `BigQuery: a row is refused: ${refused}`);
}

function rowErrors(outcome: AppendOutcome): readonly string[] {
  return 'rows' in outcome ? outcome.rows.map(({ reason }) => reason) : [];
}

function throwUnavailable(error: unknown): never {
  if (!hasCode(error, 'not-found')) throw error;
  throw new CodedError('unavailable', error.message, { cause: error });
}

/** Returns what is missing to make exports again; first exports need no job. */
async function checkJob(
  { api, jobProject, jobs, tables }: ProbeParts,
  table: ExportTable,
): Promise<string | undefined> {
  const project = jobProject ?? table.project;
  const names = { table, staging: table, invocationId: RUN.id, partitionTime: 0 };
  const hasDuplicates = api === 'insert-all';
  const statement = replaceStatement({ ...names, kind: TEST_RESULTS, hasDuplicates });
  try {
    const present = await tables.find(table);
    await jobs.check({ project, location: present?.location }, statement);
    return undefined;
  } catch (error) {
    return `exports cannot be made again: ${toError(error).message}`;
  }
}

function probeRow(now: number): TestResultRow {
  return {
    exported: RUN,
    parent: RUN,
    test_id: 'postlude/probe',
    result_id: '0',
    variant: [],
    variant_hash: '',
    expected: true,
    status: 'SKIP',
    summary_html: undefined,
    start_time: undefined,
    duration: undefined,
    tags: [],
    exonerated: false,
    partition_time: Math.round(now),
    test_location: undefined,
    test_metadata: undefined,
    failure_reason: undefined,
    insert_time: Math.round(now),
    properties: undefined,
    sources: undefined,
    skip_reason: undefined,
    test_id_structured: NO_TEST,
    status_v2: undefined,
    skipped_reason: undefined,
    framework_extensions: undefined,
  };
}
