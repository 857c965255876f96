import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../clock.ts';
import { noPayload } from '../tasks/payload.ts';
import { TaskQueue } from '../tasks/queue.ts';
import { taskType } from '../tasks/task.ts';
import { openCli, openCliWithServer } from '../testing/cli-world.ts';

const REPORT = `<testsuite name="s">
  <testcase classname="c" name="passes"/>
  <testcase classname="c" name="fails"><failure message="no"/></testcase>
  <testcase classname="c" name="waits"><skipped/></testcase>
</testsuite>`;
const DAMAGED = '<testsuite name="s"><testcase name="x">';

/** A command line that runs this JavaScript. */
const node = (code: string): string[] => ['--', process.execPath, '-e', code];

describe('the command line', () => {
  test('has help for every command', async () => {
    const { run } = await openCli();
    const { code, out } = await run('--help');
    expect(code).toBe(0);
    const commands = out.match(/^ {2}([a-z]+) /gm)?.map((line) => line.trim()) ?? [];
    expect(commands).toEqual(expect.arrayContaining(['record', 'why', 'serve', 'tasks', 'doctor']));
    for (const command of commands.filter((name) => name !== 'postlude' && name !== 'help')) {
      expect(await run(command, '--help')).toMatchObject({ code: 0 });
    }
  });

  test.each([
    ['an unknown command', ['frobnicate'], 'unknown command'],
    ['an unknown option', ['status', 'x', '--frob'], 'unknown option'],
    ['a bad id', ['status', 'Not An Id'], 'invocation id'],
    ['a missing argument', ['status'], 'missing required argument'],
    ['a bad tag', ['create', 'x', '--tag', 'novalue'], 'key:value'],
    ['a bad export', ['create', 'x', '--export', 'only.two'], 'project.dataset.table'],
    ['a bad duration', ['create', 'x', '--deadline', 'soon'], '90m'],
    ['a server that is no URL', ['status', 'x', '--server', 'nowhere'], 'not a server'],
  ])('ends with 2 for %s, and says what is wrong', async (_name, argv, words) => {
    const { run } = await openCli();
    const { code, out, err } = await run(...argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(words);
  });

  test('ends with 1 where no server answers, and says how to start one', async () => {
    const { run } = await openCli();
    const { code, err } = await run('status', 'x', '--server', 'http://127.0.0.1:9');
    expect(code).toBe(1);
    expect(err).toContain('postlude serve');
  });
});

describe('inspect', () => {
  test('prints one object, and ends with 0 for a whole report', async () => {
    const { cwd, run } = await openCli();
    await writeFile(join(cwd, 'r.xml'), REPORT);
    const inspected = await run('inspect', join(cwd, 'r.xml'), '--json');
    expect(inspected.code).toBe(0);
    expect(inspected.json()).toMatchObject([
      {
        format: 'junit-xml',
        counts: { tests: 3, passed: 1, failed: 1, errored: 0, skipped: 1, flaky: 0 },
        problems: [],
        complete: true,
      },
    ]);
  });

  test('ends with 2 for a damaged one, and names file, line and reason', async () => {
    const { cwd, run } = await openCli();
    const file = join(cwd, 'r.xml');
    await writeFile(file, DAMAGED);
    const inspected = await run('inspect', file, '--json');
    expect(inspected.code).toBe(2);
    const [value] = inspected.json();
    expect(value).toMatchObject({
      complete: false,
      problems: [{ file, line: expect.any(Number) }],
    });
  });
});

describe('a run', () => {
  test('is recorded, included, explained, finalized, queried and exported', async () => {
    const { cwd, exportDir, run } = await openCliWithServer();
    await writeFile(join(cwd, 'r.xml'), REPORT);
    const recorded = await run(
      'record',
      '--id',
      'shard',
      '--reports',
      'r.xml',
      '--json',
      ...node('0'),
    );
    expect(recorded.json()).toMatchObject([
      { invocation: 'shard', exitCode: 0, results: 3, complete: true },
    ]);
    await run('create', 'open');
    await run(
      'create',
      'run',
      '--include',
      'shard',
      '--include',
      'open',
      '--finalize',
      '--export',
      'p.d.t',
    );
    const why = await run('why', 'run');
    expect(why.out).toContain('waits for open (ACTIVE)');
    expect((await run('why', 'run', '--json')).json()).toMatchObject([
      { reason: 'WAITS_FOR_ACTIVE', chain: [{ invocation: 'run' }, { invocation: 'open' }] },
    ]);
    expect((await run('finalize', 'open')).out).toBe('open is FINALIZING\n');
    const status = await run('status', 'run', '--watch', '--json');
    expect(status.json()).toMatchObject([{ state: 'FINALIZED', includes: ['open', 'shard'] }]);
    const lines = (await run('query', 'run', '--json')).json();
    expect(lines.at(-1)).toEqual({
      totals: { results: 3, unexpected: 1, byStatus: { PASS: 1, FAIL: 1, SKIP: 1 } },
    });
    const exported = await run('export', 'run', '--wait', '--json');
    expect(exported.json()).toMatchObject([
      { exports: [{ destination: 'p.d.t', state: 'DONE', rows: 3 }] },
    ]);
    const again = await run('export', 'run', '--to', 'p.d.more', '--wait', '--json');
    expect(again.json()).toMatchObject([{ exports: [{ destination: 'p.d.more', state: 'DONE' }] }]);
    const files = await readdir(exportDir, { recursive: true });
    expect(files.filter((file) => file.endsWith('.parquet'))).toHaveLength(2);
  });

  test('stops including what it included by mistake', async () => {
    const { run } = await openCliWithServer();
    await run('create', 'a');
    await run('create', 'b');
    await run('include', 'a', 'b');
    expect((await run('status', 'a', '--json')).json()).toMatchObject([{ includes: ['b'] }]);
    await run('include', 'a', 'b', '--remove');
    expect((await run('status', 'a', '--json')).json()).toMatchObject([{ includes: [] }]);
  });

  test('is not made by a misspelt name', async () => {
    const { run } = await openCliWithServer();
    for (const command of ['finalize', 'status', 'why']) {
      const { code, err } = await run(command, 'misspelt');
      expect(code).toBe(1);
      expect(err).toContain('invocations/misspelt does not exist');
    }
  });
});

describe('record', () => {
  test('answers the exit code of the command, and uploads all the same', async () => {
    const { cwd, run } = await openCliWithServer();
    await writeFile(join(cwd, 'r.xml'), REPORT);
    const recorded = await run(
      'record',
      '--id',
      'x',
      '--reports',
      '*.xml',
      '--json',
      ...node('process.exit(7)'),
    );
    expect(recorded.code).toBe(7);
    expect(recorded.json()).toMatchObject([{ exitCode: 7, results: 3 }]);
  });

  test('answers 128 and the number of the signal that killed the command', async () => {
    const { cwd, run } = await openCliWithServer();
    await writeFile(join(cwd, 'r.xml'), REPORT);
    const kill = node('process.kill(process.pid, "SIGKILL")');
    const { code } = await run('record', '--id', 'x', '--reports', 'r.xml', ...kill);
    expect(code).toBe(128 + 9);
  });

  test('answers 127 where the command is not there, and leaves the invocation open', async () => {
    const { run } = await openCliWithServer();
    const { code, err } = await run('record', '--id', 'x', '--', 'no-such-command');
    expect(code).toBe(127);
    expect(err).toContain('command not found');
    expect((await run('status', 'x', '--json')).json()).toMatchObject([{ state: 'ACTIVE' }]);
  });

  test('tells the command which invocation it is in', async () => {
    const { cwd, run } = await openCliWithServer();
    await writeFile(join(cwd, 'r.xml'), REPORT);
    const check = node(
      'process.exit(process.env.POSTLUDE_INVOCATION === "x" && process.env.POSTLUDE_UPDATE_TOKEN ? 0 : 1)',
    );
    expect((await run('record', '--id', 'x', '--reports', 'r.xml', ...check)).code).toBe(0);
  });

  test.each([
    ['a damaged report', 'bad.xml'],
    ['a report that is not there', 'missing.xml'],
  ])('ends with 2 for %s, marks the run, and keeps the other results', async (_name, bad) => {
    const { cwd, run } = await openCliWithServer();
    await writeFile(join(cwd, 'good.xml'), REPORT);
    await writeFile(join(cwd, 'bad.xml'), DAMAGED);
    const good = bad === 'bad.xml' ? ['--reports', 'good.xml'] : [];
    const recorded = await run('record', '--id', 'x', ...good, '--reports', bad, ...node('0'));
    expect(recorded.code).toBe(2);
    expect(recorded.err).toContain(bad);
    const results = (await run('query', 'x', '--json')).json();
    expect(results).toContainEqual(
      expect.objectContaining({ testId: 'postlude/incomplete-report', expected: false }),
    );
    expect(results).toHaveLength(bad === 'bad.xml' ? 5 : 2);
  });

  test('goes on with an invocation that another process began', async () => {
    const { cwd, run } = await openCliWithServer();
    await writeFile(join(cwd, 'r.xml'), REPORT);
    await run('record', '--id', 'x', '--', 'no-such-command');
    const recorded = await run('record', '--id', 'x', '--reports', 'r.xml', ...node('0'));
    expect(recorded.code).toBe(0);
  });
});

describe('upload', () => {
  test('of the same report twice records each result once', async () => {
    const { cwd, run } = await openCliWithServer();
    await writeFile(join(cwd, 'r.xml'), REPORT);
    await run('create', 'x');
    for (const _ of [1, 2]) {
      expect((await run('upload', 'r.xml', '--invocation', 'x')).code).toBe(0);
    }
    const [totals] = (await run('query', 'x', '--json')).json().slice(-1);
    expect(totals).toMatchObject({ totals: { results: 3 } });
  });
});

describe('tasks', () => {
  test('shows what was given up, and gives it another life', async () => {
    const { database, run } = await openCliWithServer();
    const queue = new TaskQueue({ db: database, clock: systemClock });
    const later = systemClock.now() + 3_600_000;
    await queue.enqueue([{ type: taskType('mine', noPayload), id: 'a', processAfter: later }]);
    expect((await run('tasks', 'list', '--json')).json()).toMatchObject([
      { type: 'mine', id: 'a', state: 'SCHEDULED' },
    ]);
    expect((await run('tasks', 'show', 'mine', 'a')).out).toContain('SCHEDULED');
    expect((await run('tasks', 'show', 'mine', 'none')).code).toBe(1);
    expect((await run('tasks', 'redrive')).code).toBe(2);
    expect((await run('tasks', 'redrive', '--all', '--json')).json()).toEqual([{ redriven: 0 }]);
    expect((await run('tasks', 'list', 'dead')).out).toBe('no tasks\n');
  });
});

describe('doctor', () => {
  test('finds a server that is ready, and one that is not there', async () => {
    const { run } = await openCliWithServer();
    const { code, out } = await run('doctor');
    expect(out).toContain('is ready');
    expect(code).toBe(0);
    const lost = await run('doctor', '--server', 'http://127.0.0.1:9');
    expect(lost.code).toBe(1);
    expect(lost.out).toContain('postlude serve');
  });

  test('lists what is wrong with the configuration', async () => {
    const { run } = await openCli();
    const { code, out } = await run('doctor', '--no-server-check', '--listen', '0.0.0.0:1');
    expect(code).toBe(1);
    expect(out).toContain('callers are not authenticated');
  });
});
