/**
 * How many rows a second does an export read from a database and write to a Parquet file, to object storage or into a fake
 * BigQuery, how does that compare with a bare loop that reads the rows and encodes them, and how far does the
 * process grow meanwhile over its idle size (at most 300 MB)? The rows are made in the database itself,
 * in 100 invocations that another one includes. The export runs in two separate processes: one with V8's
 * defaults, with which garbage alone may reach 100 MB however little is alive, and one whose young
 * generation is limited to halves of 16 MB.
 *
 *     npm run bench -- export-rate [--rows 1000000] [--database postgres|pglite]
 *       [--sink parquet|s3|gcs|bigquery] [--unsafe-fast] [--json]
 */
import { execFile } from 'node:child_process';
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
import { openBenchSink, SINK_NAMES, type SinkName } from './conditions/export-sinks.ts';

const line = new CommandLine({
  command: 'npm run bench -- export-rate',
  options: {
    rows: { type: 'string', default: '1000000' },
    database: { type: 'string', default: 'postgres' },
    sink: { type: 'string', default: 'parquet' },
    /** Set in the process that exports: the source and the target of the rows. */
    from: { type: 'string' },
    to: { type: 'string' },
    ...SERVER_OPTIONS,
  },
});
const { values } = line;
const ROWS = line.count('rows');
const [DATABASE] = line.list('database', ['postgres', 'pglite']);
const [SINK] = line.list('sink', SINK_NAMES);

const LIMIT_MB = 300;
/** The client of S3 finds its credentials in the environment, as a server's does. */
const ENV = {
  ...process.env,
  AWS_ACCESS_KEY_ID: S3_CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: S3_CREDENTIALS.secretAccessKey,
};
/** V8 then collects its young generation more often. */
const BOUNDED = ['--max-semi-space-size=16'];
const SHARDS = 100;
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

if (values.from !== undefined && values.to !== undefined) {
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
    const bare = await inProcess({ sink: 'bare', from, to: '-' });
    report({ ...(await measure(from, folder)), bare }, await readConditions(server?.url));
  } finally {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Measured {
  readonly byDefault: Measurement;
  readonly bounded?: Measurement;
  readonly bare: Measurement;
}

async function measure(from: string, folder: string): Promise<Omit<Measured, 'bare'>> {
  if (SINK === 'bigquery') return await measureBigQuery(from);
  if (SINK === 's3' || SINK === 'gcs') return await measureObjects(SINK, from, folder);
  return await measureParquet(from, folder);
}

async function measureParquet(from: string, folder: string): Promise<Omit<Measured, 'bare'>> {
  const sink = 'parquet';
  const byDefault = await inProcess({ sink, from, to: join(folder, 'by-default') });
  return {
    byDefault,
    bounded: await inProcess({ sink, from, to: join(folder, 'bounded') }, BOUNDED),
  };
}

/** In a real server of object storage, which is another process. */
async function measureObjects(sink: 's3' | 'gcs', from: string, scratch: string) {
  const server = await (sink === 's3' ? startS3Server() : startGcsServer());
  try {
    const { url: endpoint } = server;
    const measured = [];
    for (const [bucket, flags] of Object.entries({ 'by-default': [], bounded: BOUNDED })) {
      await server.makeBucket(bucket);
      const to = JSON.stringify({ endpoint, bucket, scratch });
      measured.push(await inProcess({ sink, from, to }, flags));
    }
    const [byDefault, bounded] = measured;
    if (!byDefault || !bounded) throw new Error('nothing was measured');
    return { byDefault, bounded };
  } finally {
    await server.stop();
  }
}

async function measureBigQuery(from: string): Promise<Omit<Measured, 'bare'>> {
  const bigQuery = await BenchBigQuery.start(TABLE);
  try {
    const byDefault = await inProcess({
      sink: 'bigquery',
      from,
      to: JSON.stringify(bigQuery.addresses),
    });
    const landed = await bigQuery.countRows(TABLE);
    if (landed !== ROWS) throw new Error(`${landed} rows have landed`);
    return { byDefault };
  } finally {
    await bigQuery.stop();
  }
}

function report({ byDefault, bounded, bare }: Measured, conditions: Conditions): void {
  note(`${ROWS} rows from ${DATABASE} into ${SINK}: ${byDefault.rowsPerSecond} rows/s`);
  note(`  ${bare.rowsPerSecond} rows/s in a bare loop that reads and encodes them`);
  note(`  ${byDefault.overIdleMb} MB over an idle of ${byDefault.idleMb} MB with V8's defaults`);
  if (bounded) note(`  ${bounded.overIdleMb} MB over idle with a young generation of 16 MB halves`);
  console.log(
    JSON.stringify({
      bench: 'export-rate',
      ratios: {
        memory_of_limit: round(byDefault.overIdleMb / LIMIT_MB, 100),
        rate_of_bare_loop: round(byDefault.rowsPerSecond / bare.rowsPerSecond, 100),
      },
      rows: ROWS,
      database: DATABASE,
      sink: SINK,
      rows_per_second: byDefault.rowsPerSecond,
      bare_rows_per_second: bare.rowsPerSecond,
      seconds: byDefault.seconds,
      idle_mb: byDefault.idleMb,
      over_idle_mb: byDefault.overIdleMb,
      bare_over_idle_mb: bare.overIdleMb,
      over_idle_bounded_mb: bounded?.overIdleMb,
      file_mb: byDefault.fileMb,
      conditions,
    }),
  );
}

interface InProcess {
  readonly sink: SinkName;
  readonly from: string;
  readonly to: string;
}

/** This process goes on meanwhile, as it may serve a part of an emulator. */
async function inProcess(
  { sink, from, to }: InProcess,
  flags: readonly string[] = [],
): Promise<Measurement> {
  const where = ['--sink', sink, '--from', from, '--to', to];
  const args = [...flags, import.meta.filename, '--rows', values.rows, ...where];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env: ENV });
  if (stderr !== '') note(stderr);
  return JSON.parse(stdout) as Measurement;
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
  const memory = watchMemory();
  const startedAt = performance.now();
  const request = {
    invocationId: ROOT,
    index: 0,
    destination: create(BigQueryExportSchema, { ...TABLE, testResults: {} }),
    attempt: 1,
  };
  const receipt = await exportInvocation({ db, sink }, request, new AbortController().signal);
  const seconds = (performance.now() - startedAt) / 1000;
  const { idleBytes, peakBytes } = memory.stop();
  const verified = await sink.verify?.({ table: TABLE, invocationId: ROOT, index: 0 });
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
 * The peak is the kernel's own high-water mark, which sampling cannot miss, unless the process was larger
 * before it was idle, as it is after an embedded database has just started.
 */
function watchMemory() {
  const idleBytes = process.memoryUsage.rss();
  const markBefore = process.resourceUsage().maxRSS * 1024;
  let sampledBytes = idleBytes;
  const timer = setInterval(() => {
    sampledBytes = Math.max(sampledBytes, process.memoryUsage.rss());
  }, 5);
  return {
    stop: () => {
      clearInterval(timer);
      const mark = process.resourceUsage().maxRSS * 1024;
      return { idleBytes, peakBytes: mark > markBefore ? mark : sampledBytes };
    },
  };
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
