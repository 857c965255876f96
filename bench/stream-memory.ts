/**
 * How much memory does a stream of 1,000,000 rows take? Measures, on PostgreSQL, the peak of the resident
 * set over the idle size of a process, and the number of rows a second.
 *
 * It measures in two separate processes: one whose young generation is limited to halves of 16 MB, which
 * shows what the stream needs, and one with V8's defaults, with which garbage alone may reach 100 MB,
 * however little is alive.
 */
import { execFileSync } from 'node:child_process';
import { openPostgres } from '@postlude/queue/postgres';
import { int, sql, text } from '@postlude/queue/storage';
import { CommandLine } from '../scripts/command-line.ts';
import { POSTLUDE_MIGRATIONS } from '../src/migrations/migrations.ts';
import { SERVER_OPTIONS, startBenchServer } from './conditions/bench-server.ts';
import { readConditions } from './conditions/conditions.ts';

const ROWS = 1_000_000;

interface Measurement {
  readonly rowsPerSecond: number;
  readonly idleMb: number;
  readonly overIdleMb: number;
}

const { values } = new CommandLine({
  command: 'npm run bench -- stream-memory',
  options: {
    /** Set in the process that reads: the source of the rows. */
    from: { type: 'string' },
    ...SERVER_OPTIONS,
  },
});
if (values.from) console.log(JSON.stringify(await measure(values.from)));
else await compare();

async function compare(): Promise<void> {
  const server = await startBenchServer(values);
  try {
    const bounded = inProcess(['--max-semi-space-size=16'], server.url);
    const byDefault = inProcess([], server.url);
    console.log(`${ROWS} rows, ${bounded.rowsPerSecond} rows/s:`);
    console.log(`  ${bounded.overIdleMb} MB over idle with a young generation of 16 MB halves`);
    console.log(`  ${byDefault.overIdleMb} MB over idle with V8's defaults`);
    console.log(
      JSON.stringify({
        bench: 'stream-memory',
        rows: ROWS,
        rows_per_second: bounded.rowsPerSecond,
        idle_mb: bounded.idleMb,
        over_idle_mb: bounded.overIdleMb,
        over_idle_default_mb: byDefault.overIdleMb,
        ratios: { memory_of_limit: bounded.overIdleMb / 100 },
        conditions: await readConditions(server.url),
      }),
    );
  } finally {
    await server.stop();
  }
}

function inProcess(flags: string[], serverUrl: string): Measurement {
  const output = execFileSync(
    process.execPath,
    [...flags, import.meta.filename, '--from', serverUrl],
    {
      encoding: 'utf8',
    },
  );
  return JSON.parse(output) as Measurement;
}

async function measure(serverUrl: string): Promise<Measurement> {
  const db = await openPostgres({
    url: serverUrl,
    schema: 'bench',
    migrations: [POSTLUDE_MIGRATIONS],
  });
  const readAll = (rows: number, visit: () => void): Promise<number> =>
    db.read(async (tx) => {
      const query = sql`SELECT n, repeat(md5(n::text), 3) AS payload FROM generate_series(1, ${rows}) AS n`;
      let count = 0;
      for await (const row of tx.stream(query, { n: int, payload: text })) {
        if (row.payload.length !== 96) throw new Error('a row is not the requested one');
        count += 1;
        if (count % 5000 === 0) visit();
      }
      return count;
    });

  await readAll(1000, () => undefined);
  const idleBytes = process.memoryUsage.rss();
  let peakBytes = idleBytes;
  const startedAt = performance.now();
  const rows = await readAll(ROWS, () => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  });
  const seconds = (performance.now() - startedAt) / 1000;
  if (rows !== ROWS) throw new Error(`read ${rows} rows instead of ${ROWS}`);
  await db.close();
  return {
    rowsPerSecond: Math.round(rows / seconds),
    idleMb: Math.round(idleBytes / 1e6),
    overIdleMb: Math.round((peakBytes - idleBytes) / 1e6),
  };
}
