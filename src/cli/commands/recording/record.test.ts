import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '@postlude/queue/foundations';
import { describe, expect, test } from 'vitest';
import { openCliWithServer } from '../../../../test/support/cli/cli-world.ts';
import { listen } from '../../../../test/support/network/http-listener.ts';

const REPORT = `<testsuite name="s">
  <testcase classname="c" name="passes"/>
  <testcase classname="c" name="fails"><failure message="no"/></testcase>
  <testcase classname="c" name="waits"><skipped/></testcase>
</testsuite>`;
const DAMAGED = '<testsuite name="s"><testcase name="x">';

/** Builds a command line that runs this JavaScript. */
const nodeOnly = (code: string): string[] => ['--', process.execPath, '-e', code];
/** Does the same for a command that writes its reports first. */
const node = (code: string): string[] =>
  nodeOnly(`const { writeFileSync } = require('node:fs');
    writeFileSync('good.xml', ${JSON.stringify(REPORT)});
    writeFileSync('bad.xml', ${JSON.stringify(DAMAGED)});
    ${code}`);

async function openWorld() {
  const world = await openCliWithServer();
  const stateOf = async (id: string): Promise<unknown> =>
    (await world.run('status', id, '--json')).json()[0];
  return { ...world, stateOf };
}

test('prints one object with --json, and nothing on stdout without', async () => {
  const { run } = await openWorld();
  const inWords = await run('record', '--id', 'a', '--reports', 'good.xml', ...node('0'));
  expect(inWords).toMatchObject({ code: 0, out: '' });
  expect(inWords.err).toContain('a: the command ended with 0; 3 results from 1 report');
  const asJson = await run('record', '--id', 'b', '--reports', 'good.xml', '--json', ...node('0'));
  expect(asJson).toMatchObject({ code: 0, err: '' });
  expect(asJson.json()).toEqual([
    {
      invocation: 'b',
      attempt: 1,
      superseded: [],
      exitCode: 0,
      files: 1,
      results: 3,
      complete: true,
      problems: [],
      unchanged: [],
      counts: expect.objectContaining({ tests: 3, passed: 1, failed: 1, skipped: 1 }),
    },
  ]);
  const quiet = await run('record', '-q', '--id', 'c', '--reports', 'good.xml', ...node('0'));
  expect(quiet).toMatchObject({ code: 0, out: '', err: '' });
});

test('generates an id if none is given', async () => {
  const { run } = await openWorld();
  const [recorded] = (
    await run('record', '--json', '--reports', 'good.xml', ...node('0'))
  ).json() as { invocation: string }[];
  expect(recorded?.invocation).toMatch(/^u-[0-9a-f]{16}$/);
});

test('exits with the exit code of a command that fails, and uploads anyway', async () => {
  const { run, stateOf } = await openWorld();
  const options = ['--id', 'x', '--reports', '*od.xml', '--json'];
  const recorded = await run('record', ...options, ...node('process.exit(7)'));
  expect(recorded.code).toBe(7);
  expect(recorded.json()).toMatchObject([{ exitCode: 7, results: 3 }]);
  expect(await stateOf('x')).not.toMatchObject({ state: 'ACTIVE' });
});

/** Returns the ids of the unexpected results. */
async function unexpectedOf(run: Awaited<ReturnType<typeof openWorld>>['run'], id: string) {
  const results = (await run('query', id, '--json')).json() as {
    readonly testId?: string;
    readonly expected?: boolean;
  }[];
  return results.flatMap(({ expected, testId }) => (expected === false && testId ? testId : []));
}

test('exits with 128 plus the number of the signal that killed the command', async () => {
  const { run, stateOf } = await openWorld();
  const kill = node('process.kill(process.pid, "SIGKILL")');
  const recorded = await run('record', '--id', 'x', '--reports', 'good.xml', ...kill);
  expect(recorded.code).toBe(128 + 9);
  expect(recorded.err).toContain('was killed by SIGKILL');
  expect(await unexpectedOf(run, 'x')).toContain('postlude/command');
  expect(await stateOf('x')).toMatchObject({
    properties: { command: { exitCode: 137, signal: 'SIGKILL', file: process.execPath } },
  });
});

test('marks only a command that failed although its reports are green', async () => {
  const { run, stateOf } = await openWorld();
  const green = '<testsuite name="s"><testcase classname="c" name="passes"/></testsuite>';
  const write = `require('node:fs').writeFileSync('green.xml', ${JSON.stringify(green)});`;
  const reports = ['--reports', 'green.xml'];
  await run('record', '--id', 'x', ...reports, ...nodeOnly(`${write} process.exit(1)`));
  expect(await unexpectedOf(run, 'x')).toEqual(['postlude/command']);
  await run('record', '--id', 'y', ...reports, ...nodeOnly(write));
  expect(await unexpectedOf(run, 'y')).toEqual([]);
  expect(await stateOf('y')).toMatchObject({ properties: { command: { exitCode: 0 } } });
  await run('record', '--id', 'z', '--reports', 'good.xml', ...node('process.exit(1)'));
  expect(await unexpectedOf(run, 'z')).not.toContain('postlude/command');
});

test('exits with 127 if the command does not exist, and says so in the run', async () => {
  const { run, stateOf } = await openWorld();
  const lost = await run('record', '--id', 'x', '--', 'no-such-command');
  expect(lost.code).toBe(127);
  expect(lost.err).toContain('cannot run no-such-command: command not found');
  expect(await stateOf('x')).not.toMatchObject({ state: 'ACTIVE' });
  expect(await unexpectedOf(run, 'x')).toEqual(['postlude/command']);
});

test('records the next attempt at a complete invocation, and both count', async () => {
  const { run, stateOf } = await openWorld();
  const command = ['record', '--json', '--id', 'x', '--reports', 'good.xml'];
  await run(...command, ...node('0'));
  const again = await run(...command, ...node('0'));
  expect(again).toMatchObject({ code: 0, err: '' });
  expect(again.json()).toMatchObject([
    { invocation: 'x.attempt-2', attempt: 2, superseded: [], results: 3 },
  ]);
  expect(await stateOf('x.attempt-2')).toMatchObject({ attempt: 2, includes: ['x'] });
  const results = (await run('query', 'x.attempt-2', '--json')).json();
  expect(results.at(-1)).toMatchObject({ totals: { results: 6 } });
});

test('keeps the results of a superseded attempt, which no longer count', async () => {
  const { run } = await openWorld();
  await run('create', 'x');
  await run('record', '--id', 'other', '--reports', 'good.xml', ...node('0'));
  await run('upload', '--invocation', 'x', 'good.xml');
  await run('record', '--id', 'x', '--variant', 'os:linux', '--reports', 'good.xml', ...node('0'));
  const now = await run('query', 'x', '--json');
  expect(now.json().at(-1)).toMatchObject({ totals: { results: 3 }, endCause: 'SUPERSEDED' });
  expect(now.out).not.toContain('"variant":{}');
  const kept = await run('query', 'x', '--attempt', '1');
  expect(kept.out).toMatch(/3 results: .+; 1 unexpected\nsuperseded: these results do not count/);
  const first = (await run('query', 'x', '--attempt', '1', '--json')).json();
  expect(first.at(-1)).toMatchObject({ totals: { results: 3 }, superseded: true });
  expect(first[0]).toMatchObject({ variant: {}, attempt: 1 });
  expect(await run('query', 'x', '--attempt', '1', '--unexpected')).toMatchObject({ code: 2 });
});

test('says how the command ended in why, query and status', async () => {
  const { run } = await openWorld();
  await run('record', '--id', 'x', '--reports', 'good.xml', ...node('process.exit(3)'));
  const told = /\S+ ended with 3 on \S+\n$/;
  for (const command of ['why', 'query', 'status']) {
    expect((await run(command, 'x')).out).toMatch(told);
    const value = (await run(command, 'x', '--json')).json().at(-1) as Record<string, object>;
    const { command: ran } = { ...value, ...value.properties } as { readonly command?: unknown };
    expect(ran).toMatchObject({ exitCode: 3, host: expect.any(String) });
  }
  await run('record', '--id', 'y', '--', 'no-such-command');
  expect((await run('why', 'y')).out).toMatch(/no-such-command did not start on \S+: cannot run/);
});

test('takes the number of the attempt from the CI system, or from --attempt', async () => {
  const { run, runWith } = await openWorld();
  const command = ['record', '--json', '--reports', 'good.xml'];
  const env = { GITHUB_ACTIONS: 'true', GITHUB_RUN_ATTEMPT: '3' };
  const onGitHub = await runWith({ env }, ...command, '--id', 'x', ...node('0'));
  expect(onGitHub.json()).toMatchObject([{ invocation: 'x', attempt: 3 }]);
  const given = await run(...command, '--id', 'y', '--attempt', '2', ...node('0'));
  expect(given.json()).toMatchObject([{ invocation: 'y', attempt: 2 }]);
  const wrong = await run(...command, '--id', 'z', '--attempt', '0', ...node('0'));
  expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('whole number from 1') });
});

test('tags the invocation with facts of the CI system, and a given tag takes precedence', async () => {
  const { runWith, stateOf } = await openWorld();
  const env = { GITLAB_CI: 'true', CI_COMMIT_BRANCH: 'main', CI_MERGE_REQUEST_IID: '' };
  const record = ['record', '--id', 'x', '--tag', 'ci/branch:mine', '--reports', 'good.xml'];
  await runWith({ env }, ...record, ...node('0'));
  expect(await stateOf('x')).toMatchObject({
    tags: [
      { key: 'ci/branch', value: 'mine' },
      { key: 'ci/system', value: 'gitlab' },
    ],
  });
  const create = ['create', 'run', '--include', 'x', '--finalize'];
  await runWith({ env: { ...env, CI_JOB_URL: 'https://gitlab.com/1' } }, ...create);
  const again = await runWith({ env: { ...env, CI_JOB_URL: 'https://gitlab.com/2' } }, ...create);
  expect(again).toMatchObject({ code: 0, err: '' });
});

test('gives the command its invocation, with the token and the server for it', async () => {
  const { run, url } = await openWorld();
  const check = node(
    `const { POSTLUDE_INVOCATION: id, POSTLUDE_SERVER: server, POSTLUDE_UPDATE_TOKEN: token } = process.env;
     process.exit(id === 'x' && server === '${url}' && token.length > 20 ? 0 : 3)`,
  );
  expect(await run('record', '--id', 'x', '--reports', 'good.xml', ...check)).toMatchObject({
    code: 0,
  });
});

test('records conditions, tags and inclusions', async () => {
  const { run, stateOf } = await openWorld();
  await run('create', 'other');
  const options = ['--variant', 'os:linux', '--tag', 'job:7', '--include', 'other'];
  await run('record', '--id', 'x', ...options, '--reports', 'good.xml', ...node('0'));
  expect(await stateOf('x')).toMatchObject({ state: 'FINALIZING', includes: ['other'] });
});

test.each([
  ['a damaged report', 'bad.xml', 2],
  ['a report that is not there', 'missing.xml', 1],
])('marks the run for %s, ends with 2, and keeps the other results', async (_name, bad) => {
  const { run } = await openWorld();
  const reports = ['--reports', 'good.xml', bad, '--json'];
  const recorded = await run('record', '--id', 'x', ...reports, ...node('0'));
  expect(recorded.code).toBe(2);
  expect(recorded.err).toContain(`${bad}:1: `);
  expect(recorded.json()).toMatchObject([
    { exitCode: 0, complete: false, problems: [{ file: expect.stringContaining(bad), line: 1 }] },
  ]);
  const results = (await run('query', 'x', '--json')).json();
  const marker = { testId: 'postlude/incomplete-report', status: 'CRASH', expected: false };
  expect(results).toContainEqual(expect.objectContaining(marker));
  expect(results.at(-1)).toMatchObject({ totals: { results: 4, unexpected: 2 } });
});

test('prefers the exit code of the command to that of a missing report', async () => {
  const { run } = await openWorld();
  const options = ['--id', 'x', '--reports', 'missing.xml'];
  expect((await run('record', ...options, ...node('process.exit(7)'))).code).toBe(7);
});

describe('a report of an earlier run', () => {
  async function openUsedWorld() {
    const world = await openWorld();
    await writeFile(join(world.cwd, 'old.xml'), REPORT);
    return { ...world, old: join(world.cwd, 'old.xml') };
  }

  test('is not taken for that of a command that dies before it writes one; the run is marked', async () => {
    const { old, run } = await openUsedWorld();
    const options = ['--id', 'x', '--reports', 'old.xml', '--json'];
    const recorded = await run('record', ...options, ...nodeOnly('process.exit(7)'));
    expect(recorded.code).toBe(7);
    expect(recorded.err).toContain('old.xml:1: the command has not written it');
    expect(recorded.json()).toMatchObject([{ files: 0, complete: false, unchanged: [old] }]);
    const [command, marker, totals] = (await run('query', 'x', '--json')).json();
    expect(command).toMatchObject({ testId: 'postlude/command', expected: false });
    expect(marker).toMatchObject({ testId: 'postlude/incomplete-report', expected: false });
    expect(totals).toMatchObject({ totals: { results: 2 } });
  });

  test('makes a run incomplete even if its command succeeds', async () => {
    const { run } = await openUsedWorld();
    const options = ['--id', 'x', '--reports', '*.xml'];
    expect((await run('record', ...options, ...nodeOnly('0'))).code).toBe(2);
  });

  test('is ignored with a warning if its pattern finds a new one', async () => {
    const { old, run } = await openUsedWorld();
    const options = ['--id', 'x', '--reports', '*.xml', '!bad.xml', '--json'];
    const recorded = await run('record', ...options, ...node('0'));
    expect(recorded.code).toBe(0);
    expect(recorded.err).toContain('warning: 1 report is left out');
    expect(recorded.err).toContain(old);
    expect(recorded.json()).toMatchObject([
      { files: 1, results: 3, complete: true, unchanged: [old] },
    ]);
  });

  test('is taken if the command writes it again without a change', async () => {
    const { run } = await openUsedWorld();
    const options = ['--id', 'x', '--reports', 'old.xml', '--json'];
    const again = nodeOnly(`const { readFileSync, writeFileSync } = require('node:fs');
      writeFileSync('old.xml', readFileSync('old.xml'))`);
    const recorded = await run('record', ...options, ...again);
    expect(recorded).toMatchObject({ code: 0, err: '' });
    expect(recorded.json()).toMatchObject([{ results: 3, unchanged: [] }]);
  });

  test('is taken with --accept-unchanged, as build caches want it', async () => {
    const { run } = await openUsedWorld();
    const options = ['--id', 'x', '--reports', 'old.xml', '--json', '--accept-unchanged'];
    const recorded = await run('record', ...options, ...nodeOnly('0'));
    expect(recorded).toMatchObject({ code: 0, err: '' });
    expect(recorded.json()).toMatchObject([{ results: 3, complete: true, unchanged: [] }]);
  });
});

test('warns if no reports are named', async () => {
  const { run } = await openWorld();
  const recorded = await run('record', '--id', 'x', ...node('0'));
  expect(recorded.code).toBe(0);
  expect(recorded.err).toContain('warning: no --reports');
});

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('%s goes to all of the command; what it reports is uploaded', async (name, code) => {
  const { runWith, run, stateOf } = await openWorld();
  const stopping = new AbortController();
  const url = await listen((request, response) => {
    response.end();
    if (request.url === '/ready') stopping.abort(name);
  });
  // This grandchild would outlive its parent, as test workers do.
  const worker = `process.on('${name}', () => process.exit(0));
    setInterval(() => {}, 1000); fetch('${url}/ready').catch(() => {});`;
  const wait = node(
    `const { spawn } = require('node:child_process');
     process.on('${name}', () => {});
     const worker = spawn(process.execPath, ['-e', ${JSON.stringify(worker)}]);
     worker.on('exit', () => process.exit(9));`,
  );
  const { signal } = stopping;
  const options = ['--id', 'x', '--reports', 'good.xml', '--json'];
  const stopped = await runWith({ signal }, 'record', ...options, ...wait);
  expect(stopped.code).toBe(code);
  expect(stopped.json()).toMatchObject([{ cancelledBy: name, exitCode: 9, results: 3 }]);
  expect(await stateOf('x')).toMatchObject({ endCause: 'CANCELLED', endReason: name });
  expect(await unexpectedOf(run, 'x')).toContain('postlude/invocation');
});

test('waits for a server that is away when the command ends', async () => {
  const { run, startAgain, stopServer } = await openWorld();
  const url = await listen(async (_request, response) => {
    await stopServer();
    response.end();
    await startAgain();
  });
  const stop = node(`fetch('${url}').then((answer) => answer.text())`);
  const recorded = await run('record', '--id', 'x', '--json', '--reports', 'good.xml', ...stop);
  expect(recorded.code).toBe(0);
  expect(recorded.json()).toMatchObject([{ results: 3, complete: true }]);
});

test.each([
  [0, 1],
  [7, 7],
])(
  'that cannot upload after exit code %i ends with %i, and says how to go on',
  async (own, code) => {
    const { runWith, stopServer } = await openWorld();
    const url = await listen(async (_request, response) => {
      await stopServer();
      response.end();
    });
    const sleep: Clock['sleep'] = (ms, signal) =>
      ms > 60_000 ? systemClock.sleep(ms, signal) : Promise.resolve();
    const clock: Clock = { ...systemClock, sleep };
    const stop = node(`fetch('${url}').then(() => process.exit(${own}))`);
    const recorded = await runWith(
      { clock },
      'record',
      '--id',
      'x',
      '--reports',
      'good.xml',
      '--if-unreachable',
      'fail',
      ...stop,
    );
    expect(recorded.code).toBe(code);
    expect(recorded.err).toContain('cannot reach the server');
    expect(recorded.err).toContain('what it reported is not in x');
  },
);
