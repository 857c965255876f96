import { writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Clock, systemClock } from '../../clock.ts';
import { openCliWithServer } from '../../testing/cli-world.ts';

const REPORT = `<testsuite name="s">
  <testcase classname="c" name="passes"/>
  <testcase classname="c" name="fails"><failure message="no"/></testcase>
  <testcase classname="c" name="waits"><skipped/></testcase>
</testsuite>`;
const DAMAGED = '<testsuite name="s"><testcase name="x">';

/** A command line that runs this JavaScript. */
const nodeOnly = (code: string): string[] => ['--', process.execPath, '-e', code];
/** The same, of a command that writes its reports first. */
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

/** Something for commands to call, to say that they are there. */
async function listen(onRequest: RequestListener): Promise<string> {
  const server = createServer(onRequest);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
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
      ...{ invocation: 'b', exitCode: 0, files: 1, results: 3, complete: true },
      ...{ problems: [], unchanged: [] },
      counts: expect.objectContaining({ tests: 3, passed: 1, failed: 1, skipped: 1 }),
    },
  ]);
  const quiet = await run('record', '-q', '--id', 'c', '--reports', 'good.xml', ...node('0'));
  expect(quiet).toMatchObject({ code: 0, out: '', err: '' });
});

test('makes up an id where none is given', async () => {
  const { run } = await openWorld();
  const [recorded] = (
    await run('record', '--json', '--reports', 'good.xml', ...node('0'))
  ).json() as { invocation: string }[];
  expect(recorded?.invocation).toMatch(/^u-[0-9a-f]{16}$/);
});

test('answers the exit code of a command that fails, and uploads all the same', async () => {
  const { run, stateOf } = await openWorld();
  const options = ['--id', 'x', '--reports', '*od.xml', '--json'];
  const recorded = await run('record', ...options, ...node('process.exit(7)'));
  expect(recorded.code).toBe(7);
  expect(recorded.json()).toMatchObject([{ exitCode: 7, results: 3 }]);
  expect(await stateOf('x')).not.toMatchObject({ state: 'ACTIVE' });
});

test('answers 128 and the number of the signal that killed the command', async () => {
  const { run } = await openWorld();
  const kill = node('process.kill(process.pid, "SIGKILL")');
  const recorded = await run('record', '--id', 'x', '--reports', 'good.xml', ...kill);
  expect(recorded.code).toBe(128 + 9);
  expect(recorded.err).toContain('was killed by SIGKILL');
});

test('answers 127 where the command is not there, and the next attempt goes on', async () => {
  const { run, stateOf } = await openWorld();
  const lost = await run('record', '--id', 'x', '--', 'no-such-command');
  expect(lost.code).toBe(127);
  expect(lost.err).toContain('cannot run no-such-command: command not found');
  expect(await stateOf('x')).toMatchObject({ state: 'ACTIVE' });
  const again = await run('record', '--id', 'x', '--reports', 'good.xml', ...node('0'));
  expect(again.code).toBe(0);
});

test('does not run the command again in an invocation that is complete', async () => {
  const { run } = await openWorld();
  await run('record', '--id', 'x', '--reports', 'good.xml', ...node('0'));
  const again = await run('record', '--id', 'x', '--reports', 'good.xml', ...node('0'));
  expect(again.code).toBe(1);
  expect(again.err).toContain('x is complete already');
});

test('tells the command which invocation it is in, and the token and server for it', async () => {
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

  test('is not that of a command that dies before it writes its own: the run is marked', async () => {
    const { old, run } = await openUsedWorld();
    const options = ['--id', 'x', '--reports', 'old.xml', '--json'];
    const recorded = await run('record', ...options, ...nodeOnly('process.exit(7)'));
    expect(recorded.code).toBe(7);
    expect(recorded.err).toContain('old.xml:1: the command has not written it');
    expect(recorded.json()).toMatchObject([{ files: 0, complete: false, unchanged: [old] }]);
    const [marker, ...others] = (await run('query', 'x', '--json')).json();
    expect(marker).toMatchObject({ testId: 'postlude/incomplete-report', expected: false });
    expect(others).toMatchObject([{ totals: { results: 1 } }]);
  });

  test('makes a run incomplete whose command says that all is well', async () => {
    const { run } = await openUsedWorld();
    const options = ['--id', 'x', '--reports', '*.xml'];
    expect((await run('record', ...options, ...nodeOnly('0'))).code).toBe(2);
  });

  test('is left out, with a warning, where its pattern finds a new one', async () => {
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

  test('is taken where the command writes it again, as it was', async () => {
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

test('warns where no reports are named', async () => {
  const { run } = await openWorld();
  const recorded = await run('record', '--id', 'x', ...node('0'));
  expect(recorded.code).toBe(0);
  expect(recorded.err).toContain('warning: no --reports');
});

test('stops the command when it is stopped, and leaves the invocation open', async () => {
  const { runWith, stateOf } = await openWorld();
  const stopping = new AbortController();
  const url = await listen(() => stopping.abort());
  const wait = node(
    `process.on('SIGTERM', () => process.exit(9)); fetch('${url}').catch(() => {});`,
  );
  const { signal } = stopping;
  const stopped = await runWith({ signal }, 'record', '--id', 'x', ...wait);
  expect(stopped.code).toBe(9);
  expect(stopped.err).toContain('interrupted; invocation x stays open');
  expect(await stateOf('x')).toMatchObject({ state: 'ACTIVE' });
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
    const clock: Clock = { ...systemClock, sleep: () => Promise.resolve() };
    const stop = node(`fetch('${url}').then(() => process.exit(${own}))`);
    const recorded = await runWith(
      { clock },
      'record',
      '--id',
      'x',
      '--reports',
      'good.xml',
      ...stop,
    );
    expect(recorded.code).toBe(code);
    expect(recorded.err).toContain('cannot reach the server');
    expect(recorded.err).toContain('invocation x stays open');
  },
);
