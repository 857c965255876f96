import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type CliRun, openCli, openCliWithServer } from '../../test/support/cli/cli-world.ts';

/** Clears the screen, retitles the window, reverses what follows, and forges a line. */
const EVIL = '\u001b[2J\u001b]0;owned\u0007\u009b31m\u202egnp.exe\u2066\nforged: PASS';

/** Everything but line breaks that a terminal would obey. */
const OBEYED = /[\p{Bidi_Control}\p{Zl}\p{Zp}]|(?!\n)\p{Cc}/u;

function expectTame({ out, err }: Pick<CliRun, 'out' | 'err'>): void {
  expect(out + err).not.toMatch(OBEYED);
  expect(out + err).not.toMatch(/^forged/m);
}

const OF_SERVER = [
  ['status', 'run'],
  ['why', 'run'],
  ['query', 'run'],
  ['show', 'run'],
  ['gate', 'run', '--within', '0s'],
  ['tasks', 'list'],
  ['list'],
] as const;

async function openHostileRun() {
  const world = await openCliWithServer();
  const report = join(world.cwd, `r${EVIL.replaceAll('/', '')}.json`);
  const tests = [{ name: `t${EVIL}`, status: 'failed', duration: 1, message: `m${EVIL}` }];
  const summary = { tests: 1, passed: 0, failed: 1, pending: 0, skipped: 0, other: 0 };
  await writeFile(report, JSON.stringify({ results: { tool: { name: EVIL }, summary, tests } }));
  await writeFile(
    join(world.cwd, `bad${EVIL.replaceAll('/', '')}.xml`),
    `<testsuite name="${EVIL}`,
  );
  await mkdir(join(world.cwd, 'empty'));
  const recorded = await world.run(
    ...[
      'record',
      '--id',
      'run',
      '--accept-unchanged',
      '--reports',
      '*.json',
      '--reports',
      '*.xml',
      '--',
    ],
    ...[process.execPath, '-e', 'process.exitCode = 1'],
  );
  return { ...world, recorded };
}

test('nothing from reports, servers or file names acts on the terminal, as text or as JSON', async () => {
  const { recorded, run } = await openHostileRun();
  expectTame(recorded);
  expect(recorded.err).toContain('\\x1b[2J');
  for (const words of OF_SERVER) {
    expectTame(await run(...words));
    expectTame(await run(...words, '--json'));
  }
  expect((await run('show', 'run')).out).toContain('t\\u{1b}[2J');
});

test('inspect shows names of files and messages with escapes', async () => {
  const { cwd, run } = await openCli();
  const name = `a${EVIL.replaceAll('/', '')}.xml`;
  await writeFile(join(cwd, name), `<testsuite name="a">${EVIL}<`);
  const inspected = await run('inspect', name);
  expectTame(inspected);
  expect(inspected.out).toContain('\\u202e');
});

test.each([
  [{ POSTLUDE_ID_TOKEN: 'hunter2\nhunter2' }, ['status', 'x']],
  [{}, ['status', 'x', '--server', 'http//me:hunter2@ci.example']],
  [{}, ['status', 'x', '--server', 'ftp://me:hunter2@ci.example']],
  [{}, ['status', 'x', '--server', 'http://me:hunter2@[ci.example']],
  [{}, ['status', 'x', '--server', 'http://me:hunter2@127.0.0.1:1']],
  [{}, ['doctor', '--no-database-check', '--server', 'http://me:hunter2@127.0.0.1:1']],
  [{}, ['finalize', 'x', '--token', 'hunter2\nhunter2']],
])('no error quotes a secret (%j %j)', async (env, words) => {
  const { runWith } = await openCli();
  const { out, err, code } = await runWith({ env }, ...words, '--timeout', '5s');
  expect(code).not.toBe(0);
  expect(out + err).not.toContain('hunter2');
});

test('errors show the arguments and messages that they quote with escapes', async () => {
  const { run } = await openCliWithServer();
  for (const words of [
    ['status', EVIL],
    [`--${EVIL}`],
    [EVIL],
    ['status', 'x', '--server', EVIL],
    ['create', 'x', '--tag', EVIL],
  ]) {
    expectTame(await run(...words));
  }
});
