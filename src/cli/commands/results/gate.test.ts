import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '@postlude/queue/foundations';
import { expect, test } from 'vitest';
import { openCliWithServer } from '../../../../test/support/cli/cli-world.ts';
import { newInvocation } from '../../../../test/support/invocations/fixtures.ts';
import { insertInvocations } from '../../../invocations/invocations.ts';

type World = Awaited<ReturnType<typeof openCliWithServer>>;

const CASES = {
  pass: '',
  fail: '<failure message="1 is not 2&#10;at line 7"/>',
  skip: '<skipped/>',
} as const;

interface ShardCommand {
  readonly cases: Readonly<Record<string, keyof typeof CASES>>;
  readonly exit?: number;
}

/** Records a shard whose command writes a report of these cases and exits with `exit`. */
async function record(
  { cwd, run }: World,
  id: string,
  { cases, exit = 0 }: ShardCommand,
): Promise<void> {
  const all = Object.entries(cases).map(
    ([name, how]) => `<testcase classname="c" name="${name}" time="0.25">${CASES[how]}</testcase>`,
  );
  await writeFile(join(cwd, `${id}.next`), `<testsuite name="s">${all.join('')}</testsuite>`);
  const script = `cp ${id}.next ${id}.xml; exit ${exit}`;
  const variant = ['--variant', 'os:linux'];
  await run('record', '--id', id, '--reports', `${id}.xml`, ...variant, '--', 'sh', '-c', script);
}

async function openRun(...includes: string[]): Promise<World> {
  const world = await openCliWithServer({ enforceEvery: '100ms' });
  for (const id of includes) await record(world, id, { cases: { [`of ${id}`]: 'pass' } });
  return world;
}

function bundle({ run }: World, ...shards: string[]) {
  return run('create', 'run', '--finalize', ...shards.flatMap((id) => ['--include', id]));
}

test('gate waits until the run is over, and is green if everything went as expected', async () => {
  const world = await openRun('a');
  await world.run('create', 'open');
  await bundle(world, 'a', 'open');
  const seen: string[] = [];
  const onStderr = (text: string): void => {
    if (seen.push(text) === 1) void world.run('finalize', 'open');
  };
  const { code, out } = await world.runWith(
    { isTTY: true, onStderr, env: { NO_COLOR: '1' } },
    'gate',
    'run',
  );
  expect(seen[0]).toContain('waits for open (ACTIVE)');
  expect(code).toBe(0);
  expect(out).toBe(
    'run is green\n1 test (1 result): 1 expected, 0 unexpected, 0 flaky, 0 exonerated, 0 skipped\n',
  );
});

test('gate is red if a test has no expected result, and shows it', async () => {
  const world = await openRun();
  await record(world, 'a', { cases: { good: 'pass', bad: 'fail' }, exit: 1 });
  await bundle(world, 'a');
  const { code, out } = await world.run('gate', 'run');
  expect(code).toBe(1);
  expect(out.split('\n').slice(2)).toEqual([
    '1 test without an expected result',
    '  c::bad  [os:linux]',
    '    FAIL   0.250 s  a',
    '             1 is not 2',
    '',
  ]);
  const { code: again, json } = await world.run('gate', 'run', '--json');
  expect(again).toBe(1);
  expect(json()).toMatchObject([
    {
      verdict: 'red',
      tests: 2,
      verdicts: { expected: 1, unexpected: 1 },
      reasons: [{ kind: 'unexpected', count: 1, tests: [{ attempts: [{ testId: 'c::bad' }] }] }],
    },
  ]);
});

test('a test that fails and passes in the next attempt is flaky, which --fail-on-flaky forbids', async () => {
  const world = await openRun();
  await world.run('create', 'run', '--expect', 'a');
  await record(world, 'a', { cases: { t: 'fail', u: 'skip' }, exit: 1 });
  await record(world, 'a', { cases: { t: 'pass', u: 'skip' } });
  await world.run('finalize', 'run');
  expect((await world.run('gate', 'run')).code).toBe(0);
  const flaky = await world.run('gate', 'run', '--fail-on-flaky');
  expect(flaky.code).toBe(1);
  expect(flaky.out).toContain(
    '2 tests (4 results): 0 expected, 0 unexpected, 1 flaky, 0 exonerated, 1 skipped',
  );
  expect(flaky.out).toContain('1 test flaky\n  c::t  [os:linux]\n');
  expect(flaky.out).toContain('a (attempt 2)');
  const skipped = await world.run('gate', 'run', '--fail-on-skipped');
  expect(skipped.code).toBe(1);
  expect(skipped.out).toContain('1 test skipped');
});

test('a command that was killed makes it red, until the next attempt went well', async () => {
  const world = await openRun();
  await world.run('create', 'run', '--expect', 'a');
  const kill = ['--', 'sh', '-c', 'kill -9 $$'];
  await world.run('record', '--id', 'a', ...kill);
  await world.run('create', 'other', '--finalize', '--include', 'a');
  const red = await world.run('gate', 'other', '--allow-empty');
  expect(red.code).toBe(1);
  expect(red.out).toContain(
    '1 problem\n  a: postlude/command: the command was killed by SIGKILL\n',
  );
  await world.run('record', '--id', 'a', '--', 'true');
  await world.run('finalize', 'run');
  expect((await world.run('gate', 'run', '--allow-empty')).code).toBe(0);
  const empty = await world.run('gate', 'run');
  expect(empty.code).toBe(1);
  expect(empty.out).toContain('no test ran');
});

test('a shard that never appeared makes it red, unless that is allowed', async () => {
  const world = await openRun('a');
  const overdue = { isExpected: true, endsAt: systemClock.now() - 1000 };
  const late = newInvocation('b', { ...overdue, deadline: systemClock.now() + 3_600_000 });
  await world.database.write((tx) => insertInvocations(tx, [late]));
  await bundle(world, 'a', 'b');
  const missing = await world.run('gate', 'run');
  expect(missing.code).toBe(1);
  expect(missing.out).toContain('1 expected invocation never appeared\n  b: postlude/invocation: ');
  expect((await world.run('gate', 'run', '--allow-missing')).code).toBe(0);
});

test('a verdict that is not known in time, or at all, ends with 3 and says why', async () => {
  const world = await openRun();
  await world.run('create', 'shard');
  await bundle(world, 'shard');
  const clock: Clock = {
    ...systemClock,
    sleep: (ms, signal) => systemClock.sleep(ms / 1000, signal),
  };
  const late = await world.runWith({ clock }, 'gate', 'run', '--within', '30s');
  expect(late).toMatchObject({ code: 3, out: '' });
  expect(late.err).toContain('timed out: run is not over yet:\n  waits for shard (ACTIVE)');
  expect((await world.run('gate', 'misspelt')).code).toBe(3);
  expect((await world.run('gate', 'run', '--within', 'soon')).code).toBe(2);
});

test('show lists what failed, where and why, then what is flaky', async () => {
  const world = await openRun();
  await world.run('create', 'run', '--expect', 'a');
  await record(world, 'a', {
    cases: { flaky: 'fail', bad: 'fail', good: 'pass', no: 'skip' },
    exit: 1,
  });
  await record(world, 'a', {
    cases: { flaky: 'pass', bad: 'fail', good: 'pass', no: 'skip' },
    exit: 1,
  });
  await world.run('finalize', 'run');
  await world.run('status', 'run', '--watch');
  const { code, out } = await world.run('show', 'run');
  expect(code).toBe(0);
  const [head, counts, ...rest] = out.trimEnd().split('\n');
  expect(head).toBe('run is FINALIZED');
  expect(counts).toBe(
    '4 tests (8 results): 1 expected, 1 unexpected, 1 flaky, 0 exonerated, 1 skipped',
  );
  expect(rest.slice(0, 3)).toEqual(['', 'UNEXPECTED', 'c::bad  [os:linux]']);
  expect(rest.slice(3, 7).sort()).toEqual([
    '           1 is not 2',
    '           1 is not 2',
    '  FAIL   0.250 s  a',
    '  FAIL   0.250 s  a (attempt 2)',
  ]);
  expect(rest.slice(7, 10)).toEqual(['', 'FLAKY', 'c::flaky  [os:linux]']);
  const lines = (await world.run('show', 'run', '--json')).json() as Record<string, unknown>[];
  expect(lines.map(({ verdict }) => verdict).sort()).toEqual(
    ['flaky', 'flaky', 'skipped', 'skipped', 'unexpected', 'unexpected', undefined].sort(),
  );
  expect(lines.find(({ verdict }) => verdict === 'unexpected')).toMatchObject({
    testId: 'c::bad',
    shard: 'a',
    variant: { os: 'linux' },
    failureMessage: '1 is not 2\nat line 7',
  });
  expect(lines.at(-1)).toMatchObject({ summary: { tests: 4, results: 8, problems: 0 } });
});

test('finds a shard and a run that began with the second attempt of the CI system', async () => {
  const world = await openRun();
  await writeFile(join(world.cwd, 'a.xml'), '<testsuite><testcase name="t"/></testsuite>');
  const command = ['record', '--id', 'a', '--accept-unchanged', '--reports', 'a.xml', '--', 'true'];
  await world.runWith({ env: { GITHUB_ACTIONS: 'true', GITHUB_RUN_ATTEMPT: '2' } }, ...command);
  expect(await world.run('gate', 'a')).toMatchObject({ code: 0, err: '' });
  expect((await world.run('show', 'a', '--attempt', '2')).out).toContain('1 expected');
  expect(await world.run('gate', 'a', '--attempt', '1')).toMatchObject({
    code: 3,
    err: expect.stringContaining('a.attempt-1 does not exist'),
  });
});
