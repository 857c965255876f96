import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, onTestFinished, test } from 'vitest';
import { INVOCATION_ROW_INDEX } from '../../../src/exporter/export-index.ts';
import { exportFiles } from '../../../src/exporter/parquet/export-files.ts';
import { verifyExport } from '../../../src/exporter/parquet/manifest.ts';
import {
  openTestPostgres,
  testPostgresUrl,
  testSchema,
} from '../../support/databases/databases.ts';
import { writeGraph } from '../../support/exports/export-graph.ts';
import { EXPORTED } from './exported-run.ts';

const ROWS = 500;

interface Case {
  readonly exported: typeof EXPORTED;
  readonly stem: string;
  readonly rows: number;
  readonly lastWrite: string;
}

const CASES: readonly [string, Case][] = [
  ['the results of a run', { exported: EXPORTED, stem: 'run-0', rows: ROWS, lastWrite: 'write#3' }],
  [
    'the row of a run',
    {
      exported: { ...EXPORTED, index: INVOCATION_ROW_INDEX },
      stem: 'run-invocation',
      rows: 1,
      lastWrite: 'write#1',
    },
  ],
];

interface Life {
  readonly schema: string;
  readonly root: string;
  readonly index: number;
  readonly attempt: number;
  /** The process is killed while it waits before this step on the disk. */
  readonly stopAt?: string;
  /** The process is killed at any time after it has printed this. */
  readonly killAt?: string;
}

/** Returns the output of the process, and whether it was killed. */
async function live({ schema, root, index, attempt, stopAt = '', killAt }: Life) {
  const script = join(import.meta.dirname, 'export-process.ts');
  const args = [script, testPostgresUrl(), schema, root, `${index}`, `${attempt}`, stopAt];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    if (line === stopAt || line === killAt) child.kill('SIGKILL');
  }
  await ended;
  return { said, wasKilled: child.signalCode === 'SIGKILL' };
}

async function prepare(): Promise<{ readonly schema: string; readonly root: string }> {
  const root = await mkdtemp(join(tmpdir(), 'postlude-kill-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const schema = testSchema();
  const db = await openTestPostgres({ schema });
  const shards = ['s1', 's2'];
  const results = Array.from({ length: ROWS / 2 }, (_, n) => ({ testId: `test ${n}` }));
  await writeGraph(db, {
    [EXPORTED.invocationId]: { includes: shards },
    ...Object.fromEntries(shards.map((id) => [id, { results }])),
  });
  return { schema, root };
}

async function countRows(file: string): Promise<unknown> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const read = await connection.runAndReadAll(`SELECT count(*)::INTEGER FROM '${file}'`);
  connection.closeSync();
  return read.getRows()[0]?.[0];
}

describe.runIf(testPostgresUrl() !== '')('a process that exports', () => {
  test.each(CASES)(
    '%s may be killed repeatedly at any moment: one complete file is left',
    async (_, { exported, lastWrite, rows, stem }) => {
      const { index } = exported;
      const world = { ...(await prepare()), index };
      const { root } = world;
      const files = exportFiles(root, exported);
      const lives: readonly Partial<Life>[] = [
        { killAt: 'create#1' },
        { stopAt: lastWrite },
        // At some moment while DuckDB converts.
        { killAt: 'close#1' },
        // The data has no final name yet; the data has one, but not the manifest.
        { stopAt: 'rename#1' },
        { stopAt: 'rename#2' },
        { killAt: 'rename#2' },
      ];
      let attempt = 0;
      let kills = 0;
      for (const life of lives) {
        attempt += 1;
        const { wasKilled } = await live({ ...world, attempt, ...life });
        if (wasKilled) kills += 1;
        const { status } = await verifyExport(root, exported);
        expect(['missing', 'unfinished', 'whole']).toContain(status);
        if (status !== 'missing') expect(await countRows(files.data)).toBe(rows);
      }
      // The last process may have ended before the signal reached it.
      expect(kills).toBeGreaterThanOrEqual(lives.length - 1);

      const last = await live({ ...world, attempt: attempt + 1 });
      expect(JSON.parse(last.said.at(-1) ?? '')).toMatchObject({ rows });
      expect((await readdir(files.folder)).sort()).toEqual([
        `${stem}.manifest.json`,
        `${stem}.parquet`,
      ]);
      expect(await verifyExport(root, exported)).toMatchObject({
        status: 'whole',
        manifest: { rows },
      });
      expect(await countRows(files.data)).toBe(rows);
    },
  );
});
