import { expect, test } from 'vitest';
import { openCli } from '../../../../test/support/cli/cli-world.ts';

test('copies an embedded database into another, and again without harm', async () => {
  const { run } = await openCli();
  expect((await run('migrate', '--database', 'pglite:a')).code).toBe(0);
  const first = await run('copy', '--from', 'pglite:a', '--to', 'pglite:b');
  expect(first).toMatchObject({ code: 0, out: expect.stringMatching(/ same\n/) });
  const again = await run('copy', '--from', 'pglite:a', '--to', 'pglite:b', '--json');
  expect(again.json()).toMatchObject([{ isSame: true }]);
});

test.each([
  [['--from', 'pglite:a', '--to', 'pglite:a'], 'the same database'],
  [['--from', 'mysql://x', '--to', 'pglite:a'], '--from must be pglite:PATH'],
  [['--from', 'pglite:a'], "required option '--to <database>'"],
])('refuses %j', async (argv, message) => {
  const { run } = await openCli();
  const { code, err } = await run('copy', ...argv);
  expect(code).toBe(2);
  expect(err).toContain(message);
});

test('refuses a source with the schema of another version', async () => {
  const { run } = await openCli();
  const { code, err } = await run('copy', '--from', 'pglite:empty', '--to', 'pglite:b');
  expect(code).toBe(1);
  expect(err).toContain('postlude migrate');
});
