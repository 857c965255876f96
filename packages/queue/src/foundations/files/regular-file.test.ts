import { execFileSync } from 'node:child_process';
import { mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openRegularFile } from './regular-file.ts';

const folder = await mkdtemp(join(tmpdir(), 'postlude-files-'));

test('opens a regular file, also through a link', async () => {
  const path = join(folder, 'file');
  await writeFile(path, 'text');
  await symlink(path, join(folder, 'link'));
  const file = await openRegularFile(join(folder, 'link'));
  expect(await file?.readFile('utf8')).toBe('text');
  await file?.close();
});

test('opens no folder and no device', async () => {
  expect(await openRegularFile(folder)).toBeUndefined();
  if (process.platform !== 'win32') expect(await openRegularFile('/dev/zero')).toBeUndefined();
});

test.skipIf(process.platform === 'win32')('does not wait for the writer of a pipe', async () => {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  expect(await openRegularFile(path)).toBeUndefined();
});

test('throws the reason of the system', async () => {
  await expect(openRegularFile(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
});
