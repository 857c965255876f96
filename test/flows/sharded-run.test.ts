/** Runs the demo in processes on each database, and again with a server that dies on the way. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { eachServerDatabase, type ServerDatabase } from '../server-databases.ts';
import { CliProcess, type Ended } from './cli-process.ts';

const DEMO = join(import.meta.dirname, '../../examples/sharded-run/demo.ts');

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-flow-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function runDemo(database: ServerDatabase) {
  const folder = await newFolder();
  const args = [DEMO, '--database', database.POSTLUDE_DATABASE, '--folder', folder];
  const child = spawn(process.execPath, args, { env: { ...process.env, ...database } });
  onTestFinished(() => void child.kill());
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { folder, code, out, err };
}

async function parquetFiles(folder: string): Promise<string[]> {
  const files = await readdir(folder, { recursive: true });
  return files.filter((file) => file.endsWith('.parquet'));
}

eachServerDatabase((open) => {
  test('the demo: runs whose shards die, are retried or cancelled end, and their totals are right', async () => {
    const { folder, code, out, err } = await runDemo(await open());
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.match(/^ +waits for \S+-shard-4 \(ACTIVE\)$/gm)).toHaveLength(2);
    expect(out).toMatch(/^ +demo-\w+ is FINALIZED$/m);
    expect(out).toMatch(/^ +runners +21 passed, 2 failed, 5 skipped$/m);
    expect(out).toMatch(/^ +warehouse +21 passed, 2 failed, 5 skipped$/m);
    expect(out).toMatch(/^ +demo-\w+-night is FINALIZED$/m);
    expect(out).toMatch(/-night-shard-1, attempt 2: Vitest says 4 passed/);
    expect(out).toMatch(/-night-shard-2 is over: FINALIZED; its recorder was lost/);
    expect(out).toMatch(/-night-shard-3 is over: FINALIZED; it was cancelled \(SIGTERM\)/);
    expect(out).toMatch(/^ +demo-\w+-night is red$/m);
    expect(out).toMatch(/^ +runners +10 passed, 1 failed, 2 skipped$/m);
    expect(out).toMatch(/^ +warehouse +10 passed, 1 failed, 2 skipped$/m);
    expect(await parquetFiles(folder)).toHaveLength(2);
  });

  test('the tasks that a killed server leaves are run by the next one', async () => {
    const database = await open();
    const folder = await newFolder();
    const start = async () => {
      const argv = ['serve', '--listen', '127.0.0.1:0', '--export-dir', 'exports', '--lease', '2s'];
      const server = new CliProcess(folder, argv, database);
      return { server, url: await server.printed(/postlude serves on (http:\S+)/) };
    };
    const first = await start();
    const cli = (url: string, ...argv: string[]): Promise<Ended> =>
      new CliProcess(folder, argv, { POSTLUDE_SERVER: url }).ended;
    await cli(first.url, 'create', 'shard');
    const parent = ['create', 'run', '--include', 'shard', '--export', 'p.d.t', '--finalize'];
    expect((await cli(first.url, ...parent)).code).toBe(0);
    expect((await cli(first.url, 'why', 'run')).out).toContain('waits for shard (ACTIVE)');
    expect((await cli(first.url, 'finalize', 'shard')).code).toBe(0);
    first.server.child.kill('SIGKILL');
    await first.server.ended;

    const second = await start();
    const over = await cli(second.url, 'status', 'run', '--watch', '--json');
    expect(JSON.parse(over.out)).toMatchObject({ state: 'FINALIZED', includes: ['shard'] });
    const exported = await cli(second.url, 'export', 'run', '--wait', '--json');
    expect(JSON.parse(exported.out)).toMatchObject({ exports: [{ state: 'DONE', rows: 0 }] });
    expect(await parquetFiles(folder)).toHaveLength(1);
    second.server.child.kill('SIGTERM');
    expect((await second.server.ended).code).toBe(0);
  });
});
