import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCli, openCliWithServer } from '../../test/support/cli/cli-world.ts';

test('export --again writes files again, also those of later exports', async () => {
  const { exportDir, run } = await openCliWithServer();
  await run('create', 'x', '--finalize', '--export', 'p.d.t');
  await run('export', 'x', '--wait');
  await run('export', 'x', '--to', 'p.d.later', '--wait');
  expect((await run('export', 'x')).out).toMatch(/^p\.d\.t: DONE .*\np\.d\.later: DONE .*\n$/);
  const files = await readdir(exportDir, { recursive: true });
  for (const table of ['p.d.t', 'p.d.later']) await rm(join(exportDir, table), { recursive: true });
  const again = await run('export', 'x', '--again', '--wait');
  expect(again.out).toMatch(/^p\.d\.t: DONE .*\np\.d\.later: DONE .*\n$/);
  expect(await readdir(exportDir, { recursive: true })).toEqual(files);
});

test('export --since makes the exports of a period to one table again', async () => {
  const { exportDir, run } = await openCliWithServer();
  for (const name of ['a', 'b']) await run('create', name, '--finalize', '--export', 'p.d.t');
  await run('create', 'other', '--finalize', '--export', 'p.d.u');
  for (const name of ['a', 'b', 'other']) await run('export', name, '--wait');
  await rm(join(exportDir, 'p.d.t'), { recursive: true });
  const period = ['--since', '2020-01-01', '--table', 'p.d.t', '--wait'];
  const later = await run(
    'export',
    '--since',
    '2020-01-01',
    '--until',
    '2021-01-01',
    ...period.slice(2),
  );
  expect(later.out).toBe('0 runs: 0 exports begun again\n');
  const again = await run('export', ...period, '--json');
  expect(again.json()).toEqual([{ runs: 3, begun: 2, refused: 0, until: expect.any(String) }]);
  expect(
    (await readdir(join(exportDir, 'p.d.t'))).filter((file) => file.endsWith('.parquet')),
  ).toHaveLength(2);
});

test.each([
  [[], 'name an invocation, or give --since and one --table'],
  [['--since', '2020-01-01'], 'name an invocation, or give --since and one --table'],
  [['--since', 'yesterday'], 'a time is like 2026-11-01'],
])('refuses export %j', async (words, message) => {
  const { run } = await openCli();
  const refused = await run('export', ...words);
  expect(refused.code).toBe(2);
  expect(refused.err).toContain(message);
});
