/** Runs the command as users do: a process for each step, real signals, a real test runner. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CliProcess, type Ended } from './cli-process.ts';

const TESTS = `
import test from 'node:test';
test('adds', () => {});
test('subtracts', () => { throw new Error('wrong'); });
test('divides', { skip: true }, () => {});
`;
const RUN_TESTS = [
  ...[process.execPath, '--test', '--test-reporter=spec', '--test-reporter-destination=stdout'],
  ...['--test-reporter=junit', '--test-reporter-destination=report.xml', 'sums.test.mjs'],
];

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-flow-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'sums.test.mjs'), TESTS);
  return folder;
}

async function startServer(folder: string, listen = '127.0.0.1:0') {
  const options = ['--export-dir', 'exports', '--log-level', 'debug'];
  const server = new CliProcess(folder, ['serve', '--listen', listen, ...options]);
  return { server, url: await server.printed(/postlude serves on (http:\S+)/) };
}

test('serve, record, create, status and export work on a run of real tests, and SIGTERM ends the server in order', async () => {
  const folder = await newFolder();
  const { server, url } = await startServer(folder);
  const cli = (...argv: string[]): Promise<Ended> =>
    new CliProcess(folder, argv, { POSTLUDE_SERVER: url }).ended;

  const shard = ['--id', 'shard', '--reports', 'report.xml'];
  const recorded = await cli('record', ...shard, '--', ...RUN_TESTS);
  expect(recorded.code).toBe(1);
  expect(recorded.out).toContain('subtracts');
  expect(recorded.out).not.toContain('results from');
  expect(recorded.err).toContain('1 passed, 1 failed, 0 errored, 1 skipped');

  const created = await cli('create', 'run', '--include', 'shard', '--finalize');
  expect(created.code).toBe(0);
  const over = await cli('status', 'run', '--watch', '--json');
  expect(JSON.parse(over.out)).toMatchObject({ state: 'FINALIZED', includes: ['shard'] });
  const exported = await cli('export', 'run', '--to', 'p.d.t', '--wait', '--json');
  expect(JSON.parse(exported.out)).toMatchObject({ exports: [{ state: 'DONE', rows: 3 }] });
  const files = await readdir(join(folder, 'exports/p.d.t'));
  expect(files.filter((file) => file.endsWith('.parquet'))).toHaveLength(1);

  server.child.kill('SIGTERM');
  expect((await server.ended).code).toBe(0);
});

test('record --json prints nothing but its object to standard output', async () => {
  const folder = await newFolder();
  const { url } = await startServer(folder);
  const argv = ['record', '--json', '--reports', 'report.xml', '--', ...RUN_TESTS];
  const { out, err } = await new CliProcess(folder, argv, { POSTLUDE_SERVER: url }).ended;
  expect(JSON.parse(out)).toMatchObject({ exitCode: 1, results: 3 });
  expect(err).toContain('subtracts');
});

test('status --watch continues after its server was killed and restarted', async () => {
  const folder = await newFolder();
  const { server, url } = await startServer(folder);
  const cli = (...argv: string[]): CliProcess =>
    new CliProcess(folder, argv, { POSTLUDE_SERVER: url });
  await cli('create', 'run').ended;
  const watch = cli('status', 'run', '--watch');
  await server.printed(/ResultDB\/GetInvocation/);
  await cli('why', 'run').ended; // by now the other command has its first response, and watches
  server.child.kill('SIGKILL');
  await watch.printed(/the server is unreachable/);
  await startServer(folder, new URL(url).host);
  expect((await cli('finalize', 'run').ended).code).toBe(0);
  const { code, out } = await watch.ended;
  expect({ code, out }).toMatchObject({
    code: 0,
    out: expect.stringContaining('run is FINALIZED'),
  });
});

test('record passes SIGTERM to its command, and ends the invocation as cancelled', async () => {
  const folder = await newFolder();
  const { url } = await startServer(folder);
  const wait = `process.on('SIGTERM', () => { console.log('asked to stop'); process.exit(4); });
    setInterval(() => {}, 1000); console.log('waiting');`;
  const argv = ['record', '--id', 'x', '--', process.execPath, '-e', wait];
  const record = new CliProcess(folder, argv, { POSTLUDE_SERVER: url });
  await record.printed(/waiting/);
  record.child.kill('SIGTERM');
  const { code, out } = await record.ended;
  expect(code).toBe(143);
  expect(out).toBe('waiting\nasked to stop\n');
  const status = new CliProcess(folder, ['status', 'x'], { POSTLUDE_SERVER: url });
  expect((await status.ended).out).toContain('it was cancelled (SIGTERM)');
});

test.skipIf(process.platform !== 'linux')(
  'a full disk behind standard output is told in words',
  () => {
    const main = join(import.meta.dirname, '../../src/cli/main.ts');
    const script = '"$0" "$1" --version > /dev/full';
    const ended = spawnSync('sh', ['-c', script, process.execPath, main], { encoding: 'utf8' });
    expect(ended.status).toBe(1);
    expect(ended.stderr).toMatch(/^postlude: cannot write to standard output: ENOSPC.*\n$/);
  },
);
