/**
 * How many rows a second does an export read from a database and write to a Parquet file, to object storage or into a fake
 * BigQuery, how does that compare with a bare loop that reads the rows and encodes them, and with the driver's
 * own stream of the same rows, which does nothing with them (`over_stream`), and how far does the process grow meanwhile over its idle size (at most 200 MB)? The rows are made in the database itself,
 * in 100 invocations that another one includes. The export runs in two separate processes: one whose heap
 * collects its garbage as early as a server's does (small-heap.ts), and one with V8's defaults, with which
 * garbage alone may reach 100 MB however little is alive.
 *
 *     npm run bench -- export-rate [--rows 1000000] [--database postgres|pglite]
 *       [--sink parquet|s3|gcs|bigquery] [--unsafe-fast] [--json]
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { create, toBinary } from '@bufbuild/protobuf';
import { openPglite } from '@postlude/queue/pglite';
import { openPostgres } from '@postlude/queue/postgres';
import { type Database, int, sql } from '@postlude/queue/storage';
import { CommandLine } from '../scripts/command-line.ts';
import { exportInvocation } from '../src/exporter/exporter.ts';
import { BigQueryExportSchema } from '../src/gen/luci/resultdb/v1/invocation_pb.js';
import { TestMetadataSchema } from '../src/gen/luci/resultdb/v1/test_metadata_pb.js';
import { type InvocationId, toRowId } from '../src/invocations/id.ts';
import { POSTLUDE_MIGRATIONS } from '../src/migrations/migrations.ts';
import { testResults } from '../src/results/test-results.ts';
import { variantHash } from '../src/results/variant.ts';
import { writeGraph } from '../test/support/exports/export-graph.ts';
import {
  S3_CREDENTIALS,
  startGcsServer,
  startS3Server,
} from '../test/support/objects/object-servers.ts';
import { BenchBigQuery } from './conditions/bench-bigquery.ts';
import { SERVER_OPTIONS, startBenchServer } from './conditions/bench-server.ts';
import { type Conditions, readConditions } from './conditions/conditions.ts';
import { streamRows } from './conditions/driver-stream.ts';
import { openBenchSink, SINK_NAMES, type SinkName } from './conditions/export-sinks.ts';
import { ratio } from './rounds/statistics.ts';

const line = new CommandLine({
  command: 'npm run bench -- export-rate',
  options: {
    rows: { type: 'string', default: '1000000' },
    database: { type: 'string', default: 'postgres' },
    sink: { type: 'string', default: 'parquet' },
    /** Set in the process that exports: the source and the target of the rows, and the export's index. */
    from: { type: 'string' },
    to: { type: 'string' },
    index: { type: 'string', default: '0' },
    /** Set in the process that only streams. */
    stream: { type: 'boolean', default: false },
    ...SERVER_OPTIONS,
  },
});
const { values } = line;
const ROWS = line.count('rows');
const [DATABASE] = line.list('database', ['postgres', 'pglite']);
const [SINK] = line.list('sink', SINK_NAMES);

const LIMIT_MB = 200;
/** The client of S3 finds its credentials in the environment, as a server's does. */
const ENV = {
  ...process.env,
  AWS_ACCESS_KEY_ID: S3_CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: S3_CREDENTIALS.secretAccessKey,
};
/** What `postlude serve` sets for itself. */
const AS_SERVED = ['--import', join(import.meta.dirname, '../src/cli/process/small-heap.ts')];
const SHARDS = 100;
/** See clear_refs in proc(5). */
const RESET_HIGH_WATER_MARK = '5';
const ROOT = 'run' as InvocationId;
const TABLE = { project: 'acme', dataset: 'tests', table: 'results' };

interface Measurement {
  readonly rowsPerSecond: number;
  readonly seconds: number;
  readonly idleMb: number;
  readonly overIdleMb: number;
  readonly fileMb: number;
}

const note = (text: string): void => console.error(text);

if (values.from !== undefined && values.stream) {
  console.log(JSON.stringify(await streamRows(values.from, ROWS)));
} else if (values.from !== undefined && values.to !== undefined) {
  console.log(JSON.stringify(await measureExport(values.from, values.to)));
} else {
  await compare();
}

async function compare(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-bench-'));
  const server = DATABASE === 'postgres' ? await startBenchServer(values) : undefined;
  try {
    const from = server?.url ?? join(folder, 'data');
    await fill(from);
    const bare = await inProcess({ sink: 'bare', from, to: '-', index: 0 });
    const before = server && (await streamInProcess(from));
    const measured = await measure(from, folder);
    const after = server && (await streamInProcess(from));
    const streamed = before && after && Math.round((before + after) / 2);
    report({ ...measured, bare, streamed }, await readConditions(server?.url));
  } finally {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Measured {
  readonly asServed: Measurement;
  readonly byDefault: Measurement;
  readonly bare: Measurement;
  /** Rows a second of the driver's stream, just before and after; undefined for PGlite, which has none. */
  readonly streamed: number | undefined;
}

/** Exports twice, as two exports of the run into one table. */
async function measure(from: string, folder: string): Promise<Omit<Measured, 'bare' | 'streamed'>> {
  const sink = SINK ?? 'parquet';
  const target = await openTarget(sink, folder);
  try {
    const { to } = target;
    const asServed = await inProcess({ sink, from, to, index: 0 }, AS_SERVED);
    const byDefault = await inProcess({ sink, from, to, index: 1 });
    await target.verify?.(2 * ROWS);
    return { asServed, byDefault };
  } finally {
    await target.close?.();
  }
}

interface Target {
  readonly to: string;
  verify?(rows: number): Promise<void>;
  close?(): Promise<void>;
}

async function openTarget(sink: SinkName, folder: string): Promise<Target> {
  if (sink === 'bigquery') return await openBigQuery();
  if (sink === 's3' || sink === 'gcs') return await openObjects(sink, folder);
  return { to: join(folder, 'exports') };
}

/** In a real server of object storage, which is another process. */
async function openObjects(sink: 's3' | 'gcs', scratch: string): Promise<Target> {
  const server = await (sink === 's3' ? startS3Server() : startGcsServer());
  const bucket = 'exports';
  await server.makeBucket(bucket);
  return {
    to: JSON.stringify({ endpoint: server.url, bucket, scratch }),
    close: () => server.stop(),
  };
}

async function openBigQuery(): Promise<Target> {
  const bigQuery = await BenchBigQuery.start(TABLE);
  return {
    to: JSON.stringify(bigQuery.addresses),
    close: () => bigQuery.stop(),
    async verify(rows) {
      const landed = await bigQuery.countRows(TABLE);
      if (landed !== rows) throw new Error(`${landed} rows have landed`);
    },
  };
}

function report({ asServed, byDefault, bare, streamed }: Measured, conditions: Conditions): void {
  note(`${ROWS} rows from ${DATABASE} into ${SINK}: ${asServed.rowsPerSecond} rows/s`);
  note(`  ${bare.rowsPerSecond} rows/s in a bare loop that reads and encodes them`);
  note(`  ${asServed.overIdleMb} MB over an idle of ${asServed.idleMb} MB, as a server runs`);
  note(`  ${byDefault.overIdleMb} MB over an idle of ${byDefault.idleMb} MB with V8's defaults`);
  console.log(
    JSON.stringify({
      bench: 'export-rate',
      ratios: {
        memory_of_limit: round(asServed.overIdleMb / LIMIT_MB, 100),
        over_stream: ratio(asServed.rowsPerSecond, streamed),
        rate_of_bare_loop: round(asServed.rowsPerSecond / bare.rowsPerSecond, 100),
      },
      rows: ROWS,
      database: DATABASE,
      sink: SINK,
      rows_per_second: asServed.rowsPerSecond,
      rows_per_second_by_default: byDefault.rowsPerSecond,
      bare_rows_per_second: bare.rowsPerSecond,
      streamed_rows_per_second: streamed,
      seconds: asServed.seconds,
      idle_mb: asServed.idleMb,
      over_idle_mb: asServed.overIdleMb,
      over_idle_by_default_mb: byDefault.overIdleMb,
      bare_over_idle_by_default_mb: bare.overIdleMb,
      file_mb: asServed.fileMb,
      conditions,
    }),
  );
}

interface InProcess {
  readonly sink: SinkName;
  readonly from: string;
  readonly to: string;
  readonly index: number;
}

/** This process goes on meanwhile, as it may serve a part of an emulator. */
async function inProcess(
  { sink, from, to, index }: InProcess,
  flags: readonly string[] = [],
): Promise<Measurement> {
  const where = ['--sink', sink, '--from', from, '--to', to, '--index', `${index}`];
  const args = [...flags, import.meta.filename, '--rows', values.rows, ...where];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env: ENV });
  if (stderr !== '') note(stderr);
  return JSON.parse(stdout) as Measurement;
}

async function streamInProcess(from: string): Promise<number> {
  const args = [import.meta.filename, '--rows', values.rows, '--from', from, '--stream'];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as number;
}

function openDatabase(from: string): Promise<Database> {
  if (from.startsWith('postgres'))
    return openPostgres({ url: from, schema: 'bench', migrations: [POSTLUDE_MIGRATIONS] });
  return openPglite({ dataDir: from, schema: 'bench', migrations: [POSTLUDE_MIGRATIONS] });
}

async function measureExport(from: string, to: string): Promise<Measurement> {
  const db = await openDatabase(from);
  await warmUp(db);
  const sink = await openBenchSink(SINK ?? 'parquet', to, db);
  const index = Number(values.index);
  const memory = watchMemory();
  const startedAt = performance.now();
  const request = {
    invocationId: ROOT,
    index,
    destination: create(BigQueryExportSchema, { ...TABLE, testResults: {} }),
    attempt: 1,
  };
  const receipt = await exportInvocation({ db, sink }, request, new AbortController().signal);
  const seconds = (performance.now() - startedAt) / 1000;
  const { idleBytes } = memory;
  const peakBytes = memory.peakBytes();
  const verified = await sink.verify?.({ table: TABLE, invocationId: ROOT, index });
  if (verified && verified.status !== 'whole') throw new Error(`the file is ${verified.status}`);
  await sink.close?.();
  await db.close();
  if (receipt.rows !== ROWS) throw new Error(`exported ${receipt.rows} rows`);
  return {
    rowsPerSecond: Math.round(receipt.rows / seconds),
    seconds: round(seconds, 10),
    idleMb: toMb(idleBytes),
    overIdleMb: toMb(peakBytes - idleBytes),
    fileMb: round((receipt.bytes ?? 0) / 1e6, 10),
  };
}

/**
 * The peak is the kernel's own high-water mark, which sampling cannot miss. Besides, a timer at work
 * changes what V8 keeps: an exporter that is sampled grows by 45 MB more.
 */
function watchMemory() {
  const idleBytes = process.memoryUsage.rss();
  writeFileSync('/proc/self/clear_refs', RESET_HIGH_WATER_MARK);
  return { idleBytes, peakBytes: () => highWaterMark() };
}

function highWaterMark(): number {
  const [, kb] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  if (kb === undefined) throw new Error('the kernel keeps no high-water mark of this process');
  return Number(kb) * 1024;
}

/**
 * Makes the database read all rows internally, in key order: an embedded one caches what it reads in the
 * memory of this process (128 MB of PostgreSQL's shared buffers), whatever the reason for the read.
 */
async function warmUp(db: Database): Promise<void> {
  const columns = sql`invocation_id, test_id, result_id, summary_html`;
  const inOrder = sql`SELECT ${columns} FROM ${testResults} WHERE invocation_id = `;
  for (let index = 0; index < SHARDS; index++) {
    const shard = toRowId(`shard-${index}` as InvocationId);
    const query = sql`SELECT count(summary_html) AS summaries
      FROM (${inOrder}${shard} ORDER BY invocation_id, test_id, result_id) AS r`;
    await db.read((tx) => tx.query(query, { summaries: int }));
  }
}

async function fill(from: string): Promise<void> {
  const db = await openDatabase(from);
  await db.migrate();
  const shards = Array.from({ length: SHARDS }, (_, index) => `shard-${index}`);
  await writeGraph(db, {
    [ROOT]: { includes: shards },
    ...Object.fromEntries(shards.map((id) => [id, { tags: [{ key: 'os', value: 'linux' }] }])),
  });
  const total = ROWS;
  for (const [index, shard] of shards.entries()) {
    const [first, last] = [index, index + 1].map((n) => Math.floor((total * n) / SHARDS));
    await fillShard(db, shard, { first: first ?? 0, last: (last ?? 0) - 1 });
    if (index % 20 === 0) note(`filling: ${index} of ${SHARDS} shards`);
  }
  await db.close();
}

/** The database makes the rows itself, as sending a million of them would take minutes. */
async function fillShard(
  db: Database,
  shard: string,
  { first, last }: { readonly first: number; readonly last: number },
): Promise<void> {
  const metadata = create(TestMetadataSchema, {
    name: 'adds to the cart',
    location: { repo: 'https://git.example/shop', fileName: '//src/cart.test.ts', line: 12 },
  });
  const hash = variantHash({ builder: 'release', os: 'linux' });
  await db.statement(
    sql`INSERT INTO ${testResults}
      (invocation_id, test_id, result_id, variant, variant_hash, is_unexpected, status,
       summary_html, start_time, run_duration_micros, tags, test_metadata)
      SELECT ${toRowId(shard as InvocationId)}, 'src/cart.test.ts > cart > case ' || n, 'r1',
        ARRAY['builder:release', 'os:linux'], ${hash},
        CASE WHEN n % 50 = 0 THEN true END, CASE WHEN n % 50 = 0 THEN 2 ELSE 1 END,
        CASE WHEN n % 50 = 0 THEN repeat('<p>expected ' || n || '</p>', 40) END,
        timestamptz '2026-01-02 03:04:05Z' + n * interval '1 ms', n % 100000,
        ARRAY['owner:shop', 'runner:' || n % 40], ${toBinary(TestMetadataSchema, metadata)}
      FROM generate_series(${first}, ${last}) AS n`,
    {},
  );
}

function toMb(bytes: number): number {
  return Math.round(bytes / 1e6);
}

function round(value: number, parts: number): number {
  return Math.round(value * parts) / parts;
}
