import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../clock.ts';
import { noPayload } from '../tasks/payload.ts';
import { TaskQueue } from '../tasks/queue.ts';
import { taskType } from '../tasks/task.ts';
import { openCliWithServer } from '../testing/cli-world.ts';

const REPORT = `<testsuite name="s">
  <testcase classname="c" name="passes"/>
  <testcase classname="c" name="fails"><failure message="no"/></testcase>
  <testcase classname="c" name="waits"><skipped/></testcase>
</testsuite>`;

/** A command line that runs this JavaScript. */
const node = (code: string): string[] => ['--', process.execPath, '-e', code];

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
});
