import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { noPayload, TaskQueue, taskType } from '@postlude/queue';
import { type Clock, systemClock } from '@postlude/queue/foundations';
import { describe, expect, test, vi } from 'vitest';
import { openCliWithServer } from '../../test/support/cli/cli-world.ts';

const REPORT = `<testsuite name="s">
  <testcase classname="c" name="passes" time="0.25"/>
  <testcase classname="c" name="fails"><failure message="no"/></testcase>
  <testcase classname="c" name="waits"><skipped/></testcase>
</testsuite>`;
const HOUR_MS = 3_600_000;

type World = Awaited<ReturnType<typeof openCliWithServer>>;

async function openWorld(): Promise<World> {
  const world = await openCliWithServer();
  await writeFile(join(world.cwd, 'r.xml'), REPORT);
  return world;
}

/** Creates an invocation as another client would, with another request id. Returns its token. */
async function createElsewhere({ url }: World, invocationId: string): Promise<string> {
  const response = await fetch(`${url}/luci.resultdb.v1.Recorder/CreateInvocation`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ invocationId, invocation: { realm: 'local:ci' }, requestId: 'mine' }),
  });
  expect(response.status).toBe(200);
  return response.headers.get('update-token') ?? '';
}

describe('a run', () => {
  test('is created, included, explained, finalized, queried and exported, in words', async () => {
    const { exportDir, run } = await openWorld();
    expect(await run('create', 'shard')).toEqual(
      expect.objectContaining({ code: 0, out: 'shard is ACTIVE\n', err: '' }),
    );
    expect((await run('upload', 'r.xml', '--invocation', 'shard')).out).toBe(
      '3 results from 1 report; 3 tests: 1 passed, 1 failed, 0 errored, 1 skipped; 0 flaky\n',
    );
    await run('create', 'run', '--export', 'p.d.t');
    expect((await run('include', 'run', 'shard')).out).toBe('run includes shard\n');
    await run('finalize', 'run');
    const why = (await run('why', 'run')).out;
    expect(why).toContain('run is not over yet:\n  waits for shard (ACTIVE)\n');
    expect(why).toMatch(/owner: anonymous:anonymous {3}deadline: 20/);
    expect((await run('finalize', 'shard')).out).toBe('shard is FINALIZING\n');
    const watched = await run('status', 'run', '--watch');
    expect(watched).toMatchObject({ code: 0, err: '' });
    expect(watched.out).toMatch(/^run is FINALIZED\n {2}created .+ by anonymous:anonymous\n/);
    expect((await run('why', 'run')).out).toBe('run is over: FINALIZED.\n');
    const results = (await run('query', 'run')).out.split('\n');
    expect(results).toHaveLength(6);
    expect(results.slice(0, 2)).toEqual(['FAIL   c::fails  shard', '         no']);
    expect(results[4]).toMatch(/^3 results: .*; 1 unexpected$/);
    const exported = await run('export', 'run', '--wait');
    expect(exported.out).toMatch(/^p\.d\.t: DONE {2}3 rows in .+\.parquet\n$/);
    const files = await readdir(exportDir, { recursive: true });
    expect(files.filter((file) => file.endsWith('.parquet'))).toHaveLength(1);
  });

  test('prints one value a line with --json, and nothing else', async () => {
    const { run } = await openWorld();
    const json = async (...argv: string[]): Promise<unknown[]> => {
      const ran = await run('--json', ...argv);
      expect(ran).toMatchObject({ code: 0, err: '' });
      return ran.json();
    };
    const updateToken = expect.any(String);
    expect(await json('create', 'run')).toEqual([
      { invocation: 'run', attempt: 1, state: 'ACTIVE', updateToken },
    ]);
    await json('create', 'shard');
    expect(await json('upload', 'r.xml', '--invocation', 'run')).toMatchObject([
      { invocation: 'run', files: 1, results: 3, problems: [], complete: true },
    ]);
    expect(await json('include', 'run', 'shard')).toEqual([
      { invocation: 'run', included: ['shard'] },
    ]);
    expect(await json('finalize', 'run')).toEqual([{ invocation: 'run', state: 'FINALIZING' }]);
    expect(await json('why', 'run')).toMatchObject([
      { reason: 'WAITS_FOR_ACTIVE', chain: [{ invocation: 'run' }, { invocation: 'shard' }] },
    ]);
    await json('create', 'other');
    expect(await json('finalize', 'shard', 'other', 'shard')).toEqual([
      { invocation: 'shard', state: 'FINALIZING' },
      { invocation: 'other', state: 'FINALIZING' },
    ]);
    expect(await json('status', 'run', '--watch')).toMatchObject([
      { invocation: 'run', state: 'FINALIZED', realm: 'local:ci', includes: ['shard'] },
    ]);
    const lines = await json('query', 'run');
    const passed = { testId: 'c::passes', status: 'PASS', expected: true, durationMs: 250 };
    expect(lines).toContainEqual(expect.objectContaining(passed));
    const where = { invocation: 'run', shard: 'run', attempt: 1, variant: {} };
    const failed = { testId: 'c::fails', failureMessage: 'no', ...where };
    expect(lines).toContainEqual(expect.objectContaining(failed));
    expect(lines.slice(3)).toEqual([
      { totals: { results: 3, unexpected: 1, byStatus: { PASS: 1, FAIL: 1, SKIP: 1 } } },
    ]);
    const destination = 'p.d.t';
    const exported = await json('export', 'run', '--to', destination, '--wait');
    const [, sha256] = [expect.any(String), expect.stringMatching(/^[0-9a-f]{64}$/)];
    expect(exported).toMatchObject([
      { invocation: 'run', exports: [{ destination, state: 'DONE', rows: 3, sha256 }] },
    ]);
    expect(await json('export', 'run', '--to', destination, '--wait')).toEqual(exported);
  });

  test('narrows its results to unexpected ones, and to tests that match', async () => {
    const { run } = await openWorld();
    await run('create', 'x');
    await run('upload', 'r.xml', '--invocation', 'x');
    const unexpected = (await run('query', 'x', '--unexpected', '--json')).json();
    expect(unexpected).toMatchObject([{ testId: 'c::fails' }, { totals: { results: 1 } }]);
    const matching = (await run('query', 'x', '--test', 'c::p.*', '--json')).json();
    expect(matching).toMatchObject([{ testId: 'c::passes' }, { totals: { results: 1 } }]);
    expect((await run('query', 'x', '--test', '(')).code).toBe(2);
  });

  test('lists no more results than the reader takes', async () => {
    const { run, runWith } = await openWorld();
    await run('create', 'x');
    await run('upload', 'r.xml', '--invocation', 'x');
    const hasReader = vi.fn(() => false).mockReturnValueOnce(true);
    const read = await runWith({ hasReader }, 'query', 'x', '--json');
    expect({ code: read.code, lines: read.json().length }).toEqual({ code: 0, lines: 1 });
  });

  test('stops including what it included by mistake', async () => {
    const { run } = await openWorld();
    for (const id of ['a', 'b', 'c']) await run('create', id);
    await run('include', 'a', 'b', 'invocations/c');
    expect((await run('status', 'a', '--json')).json()).toMatchObject([{ includes: ['b', 'c'] }]);
    expect((await run('include', 'a', 'b', '--remove')).out).toBe('a no longer includes b\n');
    expect((await run('status', 'a', '--json')).json()).toMatchObject([{ includes: ['c'] }]);
  });

  test.each([
    ['finalize', 'misspelt'],
    ['include', 'misspelt', 'x'],
    ['include', 'x', 'misspelt'],
    ['upload', 'r.xml', '--invocation', 'misspelt'],
    ['status', 'misspelt'],
    ['status', 'misspelt', '--watch'],
    ['why', 'misspelt'],
    ['query', 'misspelt'],
    ['export', 'misspelt'],
  ])('is not made by a misspelt name: %s %s %s', async (...argv) => {
    const { run } = await openWorld();
    await run('create', 'x');
    const { code, err, out } = await run(...argv);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('invocations/misspelt');
    expect(err).not.toContain('cannot reach');
    expect((await run('status', 'misspelt')).code).toBe(1);
  });
});

describe('a server that is unreachable for a moment', () => {
  test.each([
    ['create', 'y', '--include', 'x'],
    ['record', '--id', 'y', '--if-unreachable', 'fail', '--', process.execPath, '-e', '0'],
    ['upload', 'r.xml', '--invocation', 'x'],
    ['include', 'x', 'x2'],
    ['finalize', 'x'],
  ])('fails no %s %s: it is tried again, with a warning', async (...argv) => {
    const { run, runWith, startAgain, stopServer } = await openWorld();
    await run('create', 'x');
    await run('create', 'x2');
    await stopServer();
    // Heartbeats sleep far longer than retries do.
    const sleep: Clock['sleep'] = (ms, signal) =>
      ms > 60_000 ? systemClock.sleep(ms, signal) : startAgain();
    const clock: Clock = { ...systemClock, sleep };
    const { code, err } = await runWith({ clock }, ...argv);
    expect(code).toBe(0);
    expect(err).toMatch(
      /^warning: cannot reach the server: .*; retrying for 60 s \(--retry-for\)\n/,
    );
  });
});

describe('an invocation of another client', () => {
  test('needs its update token, and the error says so', async () => {
    const world = await openWorld();
    const token = await createElsewhere(world, 'foreign');
    for (const argv of [
      ['finalize', 'foreign'],
      ['upload', 'r.xml', '--invocation', 'foreign'],
      ['include', 'foreign', 'foreign'],
    ]) {
      const { code, err } = await world.run(...argv);
      expect(code).toBe(1);
      expect(err).toContain('pass its update token with --token');
    }
    const uploaded = await world.run(
      'upload',
      'r.xml',
      '--invocation',
      'foreign',
      '--token',
      token,
    );
    expect(uploaded.code).toBe(0);
    const forged = await world.run('finalize', 'foreign', '--token', `${token.slice(0, -4)}AAAA`);
    expect(forged.code).toBe(1);
    expect((await world.run('finalize', 'foreign', '--token', token)).code).toBe(0);
  });

  test('accepts what its recorder runs, through the environment', async () => {
    const world = await openWorld();
    const POSTLUDE_UPDATE_TOKEN = await createElsewhere(world, 'foreign');
    const env = { POSTLUDE_INVOCATION: 'foreign', POSTLUDE_UPDATE_TOKEN };
    const { code } = await world.runWith({ env }, 'upload', 'r.xml', '--invocation', 'foreign');
    expect(code).toBe(0);
    await createElsewhere(world, 'other');
    expect((await world.runWith({ env }, 'finalize', 'other')).code).toBe(1);
  });
});

describe('upload', () => {
  test('of the same report twice records each result once', async () => {
    const { run } = await openWorld();
    await run('create', 'x');
    const before = await Promise.all(
      [1, 2].map(async () => (await run('upload', 'r.xml', '--invocation', 'x', '--json')).json()),
    );
    expect(before[0]).toEqual(before[1]);
    const totals = (await run('query', 'x', '--json')).json().at(-1);
    expect(totals).toMatchObject({ totals: { results: 3 } });
  });

  test('ends with 2 for a damaged report and leaves the invocation marked and open', async () => {
    const { cwd, run } = await openWorld();
    await writeFile(join(cwd, 'bad.xml'), '<testsuite>');
    await run('create', 'x');
    const uploaded = await run('upload', '*.xml', '--invocation', 'x');
    expect(uploaded.code).toBe(2);
    expect(uploaded.err).toContain('bad.xml:1: ');
    expect((await run('query', 'x')).out).toContain('postlude/incomplete-report');
    expect((await run('status', 'x')).out).toContain('x is ACTIVE');
  });

  test('that is stopped ends before it has read the report', async () => {
    const { cwd, runWith } = await openWorld();
    await writeFile(join(cwd, 'bad.xml'), '<testsuite>');
    const argv = ['upload', 'bad.xml', '--invocation', 'x', '--token', 't'];
    const stopped = await runWith({ signal: AbortSignal.abort('SIGINT') }, ...argv);
    expect(stopped).toMatchObject({ code: 130, out: '', err: 'postlude: stopped\n' });
  });

  test('into a complete invocation is refused', async () => {
    const { run } = await openWorld();
    await run('create', 'x', '--finalize');
    const { code, err } = await run('upload', 'r.xml', '--invocation', 'x');
    expect(code).toBe(1);
    expect(err).toMatch(/invocations\/x is FINALIZ/);
  });
});

describe('status --watch', () => {
  test('shows progress on a terminal, and goes on through a restart of the server', async () => {
    const { run, runWith, startAgain, stopServer } = await openWorld();
    await run('create', 'x');
    const seen: string[] = [];
    const onStderr = (text: string): void => {
      const isFirst = seen.length === 0;
      seen.push(text);
      if (isFirst) void stopServer();
      if (text.includes('the server is unreachable'))
        void startAgain().then(() => run('finalize', 'x'));
    };
    const watched = await runWith({ isTTY: true, onStderr }, 'status', 'x', '--watch');
    expect(watched.code).toBe(0);
    expect(watched.out).toContain('x is FINALIZED');
    expect(seen[0]).toContain('x is still ACTIVE');
    expect(seen.filter((text) => text.includes('the server is unreachable'))).toHaveLength(1);
  });

  test('that is stopped exits with the code of the signal, and says that the run is not over', async () => {
    const { run, runWith } = await openWorld();
    await run('create', 'x');
    const stopping = new AbortController();
    const options = { isTTY: true, signal: stopping.signal, onStderr: () => stopping.abort() };
    const { code, err } = await runWith(options, 'status', 'x', '--watch');
    expect(code).toBe(143);
    expect(err).toContain('stopped; x is not over yet');
  });
});

describe('export --wait', () => {
  test('watches until the run is over, then asks less and less often', async () => {
    const { run, runWith } = await openWorld();
    await run('create', 'x', '--export', 'p.d.t');
    const pauses: number[] = [];
    const sleep: Clock['sleep'] = (ms, signal) => {
      pauses.push(ms);
      return systemClock.sleep(ms, signal);
    };
    let isTold = false;
    const onStderr = (): void => {
      if (!isTold) void run('finalize', 'x');
      isTold = true;
    };
    const options = { clock: { ...systemClock, sleep }, isTTY: true, onStderr };
    const { code, out } = await runWith(options, 'export', 'x', '--wait');
    expect(code).toBe(0);
    expect(out).toContain('p.d.t: DONE');
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 10_000].slice(0, pauses.length));
  });
});

describe('tasks', () => {
  test('are listed, by state and type, and shown', async () => {
    const { database, run } = await openWorld();
    expect((await run('tasks', 'list')).out).toBe('no tasks\n');
    const queue = new TaskQueue({ db: database, clock: systemClock });
    const type = taskType('mine', noPayload);
    const processAfter = systemClock.now() + HOUR_MS;
    await queue.enqueue(['a', 'b'].map((id) => ({ type, id, processAfter })));
    expect((await run('tasks', 'list', '--json')).json()).toMatchObject([
      { type: 'mine', id: 'a', state: 'SCHEDULED' },
      { type: 'mine', id: 'b', state: 'SCHEDULED' },
    ]);
    expect((await run('tasks', 'list', '--limit', '1', '--json')).json()).toHaveLength(1);
    expect((await run('tasks', 'list', 'scheduled', '--type', 'mine')).out).toContain('mine  b');
    expect((await run('tasks', 'list', 'due')).out).toBe('no tasks\n');
    expect((await run('tasks', 'show', 'mine', 'a')).out).toMatch(/^state {9}SCHEDULED$/m);
    const none = await run('tasks', 'show', 'mine', 'none');
    expect(none).toMatchObject({ code: 1, out: '' });
    expect(none.err).toContain('no task mine none');
  });

  test('that are dead fail their exports until they are redriven', async () => {
    const { database, exportDir, run, startAgain, stopServer } = await openWorld();
    const obstacle = join(exportDir, 'p.d.t');
    await writeFile(obstacle, 'not a folder');
    await run('create', 'x', '--finalize', '--export', 'p.d.t');
    await run('status', 'x', '--watch');
    await stopServer();
    await markExportsDead(database);
    await startAgain();

    const dead = await run('export', 'x', '--wait');
    expect(dead).toMatchObject({
      code: 1,
      out: 'p.d.t: DEAD  the disk is gone\n',
      err: 'postlude: dead: p.d.t\n',
    });
    const [task] = (await run('tasks', 'list', 'dead', '--json')).json() as { id: string }[];
    expect(task).toMatchObject({ type: 'bq_export', state: 'DEAD', error: 'the disk is gone' });
    const shown = await run('tasks', 'show', 'bq_export', task?.id ?? '', '--json');
    expect(shown.json()).toEqual([task]);

    await rm(obstacle);
    expect((await run('tasks', 'redrive', '--type', 'other', '--json')).json()).toEqual([
      { redriven: 0 },
    ]);
    expect((await run('tasks', 'redrive', '--type', 'bq_export')).out).toBe('1 redriven\n');
    expect((await run('export', 'x', '--wait')).out).toContain('p.d.t: DONE');
    expect((await run('tasks', 'list', 'dead', '--json')).out).toBe('');
  });
});

/** Makes the export tasks dead, as if they had used up their attempts. */
async function markExportsDead(db: World['database']): Promise<void> {
  const clock: Clock = {
    ...systemClock,
    now: () => systemClock.now() + HOUR_MS,
    isVirtual: true, // otherwise due times would be the database's
  };
  const queue = new TaskQueue({ db, clock });
  for (const lease of await queue.leaseDue('bq_export', 10, 1_000)) {
    await queue.markDead(lease, 'the disk is gone');
  }
}

describe('doctor', () => {
  test('finds a server that is ready', async () => {
    const { run, url } = await openWorld();
    const { code, err, out } = await run('doctor');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`${url} is ready`);
    expect(out).toContain('in step with the server');
  });
});
