/** Runs commands as processes whose output is not read (`| head`), or has no room on the disk. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CliProcess } from './cli-process.ts';

async function openPlace() {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-streams-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const server = new CliProcess(folder, ['serve', '--listen', '127.0.0.1:0']);
  const url = await server.printed(/postlude serves on (http:\S+)/);
  const start = (...argv: string[]) => new CliProcess(folder, argv, { POSTLUDE_SERVER: url });
  /** The reading end of the stream `no` is closed before anything is written. */
  const startWithout = (no: 'stdout' | 'stderr', ...argv: string[]) => {
    const command = start(...argv);
    command.child[no]?.destroy();
    return command;
  };
  const stateOf = async (id: string): Promise<string> =>
    JSON.parse((await start('status', id, '--json').ended).out).state;
  return { start, startWithout, stateOf };
}

const FAILS = ['--', 'sh', '-c', 'exit 7'];

test('output that nobody reads changes neither what commands do nor how they end', async () => {
  const { start, startWithout, stateOf } = await openPlace();
  const quiet = ['record', '--id', 'quiet', ...FAILS];
  expect((await startWithout('stderr', ...quiet).ended).code).toBe(7);
  expect(await stateOf('quiet')).toBe('FINALIZED');

  const json = ['record', '--json', '--id', 'json', ...FAILS];
  expect((await startWithout('stdout', ...json).ended).code).toBe(7);

  expect((await startWithout('stdout', 'gate', 'json').ended).code).toBe(1);
  expect((await startWithout('stderr', 'gate', 'missing').ended).code).toBe(3);
  await start('create', 'empty', '--finalize').ended;
  expect((await startWithout('stdout', 'gate', 'empty', '--allow-empty').ended).code).toBe(0);
  expect((await startWithout('stdout', 'query', 'json').ended).code).toBe(0);
});
