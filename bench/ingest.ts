/**
 * How fast is a report of 200,000 cases uploaded, how does that compare with a bare loop of upserts of the
 * same rows, and how much memory does it take? The server and the client are separate processes of the
 * built package, on the embedded database and on PostgreSQL. On PostgreSQL, each round uploads to an invocation of its own and
 * then runs the bare loop (uploads/bare-upserts.ts). The figures are the medians of the rounds. It runs on
 * Linux only, as peaks are read from /proc.
 *
 *     npm run bench -- ingest [--report big.xml] [--cases 200000] [--databases pglite,postgres]
 *       [--rounds 3] [--unsafe-fast] [--json]
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandLine } from '../scripts/command-line.ts';
import { SERVER_OPTIONS, startBenchServer } from './conditions/bench-server.ts';
import { writeBigReport } from './conditions/big-report.ts';
import { buildPackage } from './conditions/built-package.ts';
import { type Conditions, readConditions } from './conditions/conditions.ts';
import { median, ratio } from './rounds/statistics.ts';
import { openBareUpserts } from './uploads/bare-upserts.ts';
import { startUploadServer, type Uploaded, type UploadServer } from './uploads/upload-processes.ts';

const line = new CommandLine({
  command: 'npm run bench -- ingest',
  options: {
    report: { type: 'string' },
    cases: { type: 'string', default: '200000' },
    databases: { type: 'string', default: 'pglite,postgres' },
    rounds: { type: 'string', default: '3' },
    ...SERVER_OPTIONS,
  },
});
const { values } = line;
const ROUNDS = line.count('rounds');

const folder = mkdtempSync(join(tmpdir(), 'postlude-bench-'));
const note = (text: string): void => console.error(text);

interface Measured {
  readonly cases: number;
  readonly cases_per_second: number;
  readonly client_peak_mb: number;
  readonly server_idle_mb: number;
  readonly server_growth_mb: number;
  /** Processor time for each result, which other work on the machine does not change much. */
  readonly client_cpu_us: number;
  readonly server_cpu_us: number;
}

interface Beside {
  readonly bare_per_second: number;
  /** The median of the rounds' own ratios. */
  readonly over_bare: number;
}

try {
  const report = values.report ?? join(folder, 'big.xml');
  if (!existsSync(report)) writeBigReport(report, line.count('cases'));
  buildPackage();
  const databases = line.list('databases', ['pglite', 'postgres']);
  const pglite = databases.includes('pglite') ? await onPglite(report) : undefined;
  const found = databases.includes('postgres') ? await onPostgres(report) : undefined;
  const { conditions = await readConditions(), postgres } = found ?? {};
  const overPglite = ratio(postgres?.cases_per_second, pglite?.cases_per_second);
  console.log(
    JSON.stringify({
      bench: 'ingest',
      ratios: { over_bare: postgres?.over_bare, postgres_over_pglite: overPglite },
      pglite,
      postgres,
      conditions,
    }),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function onPglite(report: string): Promise<Measured> {
  const server = await startUploadServer(`pglite:${join(folder, 'data')}`, folder);
  try {
    const uploads: Uploaded[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      uploads.push(told('pglite', await server.upload(report, `round-${round}`)));
    }
    return summaryOf(server, uploads);
  } finally {
    await server.stop();
  }
}

async function onPostgres(
  report: string,
): Promise<{ readonly postgres: Measured & Beside; readonly conditions: Conditions }> {
  const database = await startBenchServer(values);
  try {
    const server = await startUploadServer(database.url, folder);
    const bare = await openBareUpserts(database.url);
    const uploads: Uploaded[] = [];
    const rates: number[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      uploads.push(told('postgres', await server.upload(report, `round-${round}`)));
      const rate = await bare.rate(await bare.newestInvocation());
      note(`bare: ${Math.round(rate)} rows/s`);
      rates.push(rate);
    }
    await bare.close();
    await server.stop();
    const ratios = uploads.map(({ perSecond }, index) => perSecond / (rates[index] ?? 1));
    const beside = {
      bare_per_second: Math.round(median(rates)),
      over_bare: ratio(median(ratios), 1) ?? 0,
    };
    const conditions = await readConditions(database.url);
    return { postgres: { ...summaryOf(server, uploads), ...beside }, conditions };
  } finally {
    await database.stop();
  }
}

function told(database: string, uploaded: Uploaded): Uploaded {
  const { clientCpuMicros, clientPeakMb, perSecond, serverCpuMicros, serverGrowthMb } = uploaded;
  note(
    `${database}: ${Math.round(perSecond)} results/s, client ${clientPeakMb} MB and ${Math.round(clientCpuMicros)} µs each, server +${serverGrowthMb} MB and ${Math.round(serverCpuMicros)} µs each`,
  );
  return uploaded;
}

function summaryOf({ idleMb }: UploadServer, uploads: readonly Uploaded[]): Measured {
  return {
    cases: uploads[0]?.results ?? 0,
    cases_per_second: Math.round(median(uploads.map(({ perSecond }) => perSecond))),
    client_peak_mb: Math.max(...uploads.map(({ clientPeakMb }) => clientPeakMb)),
    server_idle_mb: idleMb,
    server_growth_mb: Math.max(...uploads.map(({ serverGrowthMb }) => serverGrowthMb)),
    client_cpu_us: Math.round(median(uploads.map(({ clientCpuMicros }) => clientCpuMicros))),
    server_cpu_us: Math.round(median(uploads.map(({ serverCpuMicros }) => serverCpuMicros))),
  };
}
