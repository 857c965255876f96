import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '@postlude/queue/foundations';
import { describe, expect, test } from 'vitest';
import { openCli } from '../../test/support/cli/cli-world.ts';
import { packageVersion } from './process/version.ts';

const COMMANDS = [
  ...['record', 'flush', 'upload', 'create', 'include', 'finalize', 'status', 'list', 'why'],
  ...['query', 'show', 'gate', 'export'],
  ...[
    'tasks',
    'tq',
    'limits',
    'inspect',
    'serve',
    'migrate',
    'copy',
    'sweep',
    'purge',
    'doctor',
    'completion',
  ],
];
/** Nothing listens there, as the port is reserved and needs privileges. */
const NOWHERE = 'http://127.0.0.1:9';
/** A clock that does not wait. */
const clock: Clock = { ...systemClock, sleep: () => Promise.resolve() };

describe('help', () => {
  test('lists every command, with and without --help, but without it exits as for a mistake', async () => {
    const { run } = await openCli();
    const { code, out, err } = await run('--help');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const listed = [...out.matchAll(/^ {2}([a-z]+) [[<].+ {2,}/gm)].map(([, name]) => name);
    expect(listed).toEqual([...COMMANDS, 'help']);
    expect(await run()).toMatchObject({ code: 2, out: '', err: expect.stringContaining('Usage:') });
  });

  test.each([...COMMANDS, 'tasks list', 'tasks show', 'tasks redrive'])(
    'of %s',
    async (command) => {
      const { run } = await openCli();
      const words = command.split(' ');
      const { code, out, err } = await run(...words, '--help');
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toContain(`Usage: postlude ${command} [options]`);
      expect(await run('help', ...words)).toMatchObject({ code: 0 });
    },
  );

  test('is not printed for arguments of the recorded command', async () => {
    const { runWith } = await openCli();
    const refuse = ['--server', NOWHERE, '--if-unreachable', 'fail'];
    const { code, out } = await runWith({ clock }, 'record', ...refuse, '--', 'ls', '--help');
    expect({ code, out }).toEqual({ code: 1, out: '' });
  });

  test('--version prints the version', async () => {
    const { run } = await openCli();
    expect(await run('--version')).toMatchObject({ code: 0, out: `${packageVersion()}\n` });
  });
});

describe('a wrong command line', () => {
  test.each([
    ['an unknown command', ['frobnicate'], 'unknown command'],
    ['an unknown subcommand', ['tasks', 'frobnicate'], 'unknown command'],
    ['an unknown option', ['status', 'x', '--frob'], 'unknown option'],
    ['an unknown option before the command', ['--frob', 'status', 'x'], 'unknown option'],
    ['a bad id', ['status', 'Not An Id'], 'invocation id'],
    ['a bad id to include', ['include', 'x', 'Not An Id'], 'invocation id'],
    ['a bad id to include at creation', ['create', 'x', '--include', 'Not'], 'invocation id'],
    ['a missing argument', ['status'], 'missing required argument'],
    ['a missing option', ['upload', 'r.xml'], '--invocation'],
    ['a missing value', ['status', 'x', '--server'], 'argument missing'],
    ['one argument too many', ['why', 'x', 'y'], 'too many arguments'],
    ['nothing to record', ['record', '--id', 'x'], 'missing required argument'],
    ['a bad tag', ['create', 'x', '--tag', 'novalue'], 'key:value'],
    ['a bad export', ['create', 'x', '--export', 'only.two'], 'project.dataset.table'],
    ['a bad duration', ['create', 'x', '--deadline', 'soon'], '90m'],
    ['a bad number', ['tasks', 'list', '--limit', 'many'], '--limit'],
    ['a bad choice', ['tasks', 'list', 'lost'], 'Allowed choices'],
    ['nothing to redrive', ['tasks', 'redrive'], '--all'],
    ['two things to redrive', ['tasks', 'redrive', '--all', '--type', 't'], '--all'],
    ['an unknown shell', ['completion', 'cmd'], 'Allowed choices'],
    ['a server that is no URL', ['status', 'x', '--server', 'nowhere'], 'not a server'],
    ['a bad setting', ['migrate', '--database', 'oracle:'], '--database'],
  ])('ends with 2 for %s, and says what is wrong', async (_name, argv, words) => {
    const { run } = await openCli();
    const { code, out, err } = await run(...argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(words);
  });
});

describe('an unreachable server', () => {
  test.each([
    ['status', 'x'],
    ['status', 'x', '--watch'],
    ['why', 'x'],
    ['query', 'x'],
    ['export', 'x', '--wait'],
    ['create', 'x'],
    ['include', 'x', 'y'],
    ['finalize', 'x'],
    ['upload', 'r.xml', '--invocation', 'x'],
    ['tasks', 'list'],
    ['record', '--if-unreachable', 'fail', '--', process.execPath, '-e', 'process.exit(7)'],
  ])('ends %s %s %s with 1, and with words that help', async (...argv) => {
    const { runWith } = await openCli();
    const { code, out, err } = await runWith({ clock }, '--server', NOWHERE, ...argv);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('cannot reach the server');
    expect(err).toContain('postlude serve');
  });

  test('is the one that the arguments name, before the environment', async () => {
    const { runWith } = await openCli();
    const env = { POSTLUDE_SERVER: 'environment' };
    expect((await runWith({ env }, 'why', 'x')).err).toContain('environment');
    expect((await runWith({ env }, '--server', 'before', 'why', 'x')).err).toContain('before');
    const both = await runWith({ env }, '--server', 'before', 'why', '--server', 'behind', 'x');
    expect(both.err).toContain('behind');
  });
});

describe('inspect', () => {
  const REPORT = `<testsuite name="s">
    <testcase classname="c" name="passes"/>
    <testcase classname="c" name="fails"><failure message="no"/></testcase>
    <testcase classname="c" name="waits"><skipped/></testcase>
  </testsuite>`;

  test('prints one object, and exits with 0 for a whole report', async () => {
    const { cwd, run } = await openCli();
    await writeFile(join(cwd, 'r.xml'), REPORT);
    const inspected = await run('inspect', join(cwd, 'r.xml'), '--json');
    expect(inspected).toMatchObject({ code: 0, err: '' });
    const counts = { tests: 3, passed: 1, failed: 1, errored: 0, skipped: 1, flaky: 0 };
    expect(inspected.json()).toEqual([
      {
        format: 'junit-xml',
        dialect: expect.any(String),
        counts: { ...counts, otherFailures: 0 },
        problems: [],
        complete: true,
      },
    ]);
  });

  test('names the file, the line and the reason of each damage, and ends with 2', async () => {
    const { cwd, run } = await openCli();
    const file = join(cwd, 'r.xml');
    await writeFile(file, '<testsuite name="s">\n<testcase name="x">');
    const inspected = await run('inspect', file, '--json');
    expect(inspected.code).toBe(2);
    const problem = { file, line: 2, message: expect.any(String), severity: 'error' };
    expect(inspected.json()).toMatchObject([{ complete: false, problems: [problem] }]);
    expect((await run('inspect', file)).out).toContain(`${file}:2: `);
  });

  test('ends in the middle of reading when it is stopped', async () => {
    const { cwd, runWith } = await openCli();
    await writeFile(join(cwd, 'r.xml'), REPORT);
    const stopping = new AbortController();
    const { signal } = stopping;
    const inspecting = runWith({ signal }, 'inspect', join(cwd, 'r.xml'));
    stopping.abort('SIGINT');
    expect(await inspecting).toMatchObject({ code: 130, out: '', err: 'postlude: stopped\n' });
  });

  test('treats a missing file like a damaged one', async () => {
    const { run } = await openCli();
    const inspected = await run('inspect', 'missing.xml', '--json');
    expect(inspected.code).toBe(2);
    expect(inspected.json()).toMatchObject([{ problems: [{ file: 'missing.xml' }] }]);
  });

  test('prints JSON wherever --json stands', async () => {
    const { cwd, run } = await openCli();
    await writeFile(join(cwd, 'r.xml'), REPORT);
    const before = await run('--json', 'inspect', join(cwd, 'r.xml'));
    expect(before.json()).toEqual((await run('inspect', '--json', join(cwd, 'r.xml'))).json());
    expect((await run('inspect', join(cwd, 'r.xml'))).out).toContain('3 tests: 1 passed, 1 failed');
  });
});

describe('doctor', () => {
  test('finds what is wrong with the configuration and the server', async () => {
    const { run } = await openCli();
    const wrong = await run('doctor', '--no-server-check', '--listen', '0.0.0.0:1');
    expect(wrong).toMatchObject({ code: 1, err: '' });
    expect(wrong.out).toContain('callers are not authenticated');
    const lost = await run('doctor', '--server', NOWHERE, '--json');
    expect(lost.code).toBe(1);
    const message = expect.stringContaining('postlude serve');
    expect(lost.json()).toMatchObject([
      { findings: expect.arrayContaining([{ check: 'server', level: 'problem', message }]) },
    ]);
  });
});
