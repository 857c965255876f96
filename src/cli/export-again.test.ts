import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCliWithServer } from '../../test/support/cli/cli-world.ts';

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
