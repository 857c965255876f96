import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCliWithServer } from '../../test/support/cli/cli-world.ts';
import { parseExpected } from './expected.ts';

test.each([
  ['shard', ['shard']],
  ['shard-1..3', ['shard-1', 'shard-2', 'shard-3']],
  ['s-09..11', ['s-09', 's-10', 's-11']],
  ['run-2.shard-4..4', ['run-2.shard-4']],
])('%s names %j', (text, ids) => {
  expect(parseExpected(text)).toEqual(ids);
});

test.each([
  ['shard-3..1', 'a range counts up'],
  ['s-1..99999', 'names at most 10000'],
  ['Shard', 'a lower-case letter'],
  ['1..3', 'a lower-case letter'],
])('%s is refused: %s', (text, message) => {
  expect(() => parseExpected(text)).toThrow(message);
});

test('a run names what it waits for from the beginning', async () => {
  const { cwd, run } = await openCliWithServer();
  await writeFile(join(cwd, 'shards.txt'), '# all of them\n\nrun-shard-2..3\n');
  const expecting = ['--expect', 'run-shard-1', '--expect-file', 'shards.txt'];
  const created = await run('create', 'run', ...expecting, '--finalize', '--json');
  expect(created.json()).toMatchObject([{ invocation: 'run', attempt: 1, state: 'FINALIZING' }]);
  const [why] = (await run('why', 'run', '--json')).json();
  expect(why).toMatchObject({ chain: [{ invocation: 'run' }, { isExpected: true }] });
  const inWords = await run('why', 'run');
  expect(inWords.out).toMatch(/run-shard-\d is expected, and nobody has begun to record it/);
  expect((await run('status', 'run-shard-3')).out).toContain('ACTIVE (expected, not begun)');
});

test('create adds what a run lacks, or says what a complete run lacks', async () => {
  const { run } = await openCliWithServer();
  await run('create', 'a');
  await run('create', 'run');
  const more = ['--include', 'a', '--export', 'p.d.t'];
  expect(await run('create', 'run', '--finalize', ...more)).toMatchObject({
    code: 0,
    out: 'run is FINALIZING\n',
  });
  expect(await run('create', 'run', ...more)).toMatchObject({ code: 0 });
  await run('create', 'b');
  const refused = await run('create', 'run', '--include', 'b');
  expect(refused.code).toBe(1);
  expect(refused.err).toContain('lacks: the inclusion of invocations/b');
  const next = await run('create', 'run', '--include', 'b', '--next-attempt', '--json');
  expect(next.json()).toMatchObject([{ invocation: 'run.attempt-2', attempt: 2 }]);
});

test('a missing file is named', async () => {
  const { run } = await openCliWithServer();
  const refused = await run('create', 'run', '--expect-file', 'none.txt');
  expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('none.txt') });
});

test.skipIf(process.platform === 'win32')('a pipe is refused, and not waited for', async () => {
  const { cwd, run } = await openCliWithServer();
  execFileSync('mkfifo', [join(cwd, 'pipe')]);
  const refused = await run('create', 'run', '--expect-file', 'pipe');
  expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('not a regular file') });
});
