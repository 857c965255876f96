import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openPglite } from './database.ts';
import { systemTrouble } from './system-trouble.ts';

test.each([
  ['could not read directory "pg_notify": No file descriptors available', 'resource-exhausted'],
  ['could not write lock file "postmaster.pid": No space left on device', 'resource-exhausted'],
  ['could not open file "global/pg_control": Permission denied', 'permission-denied'],
  ['could not create lock file "postmaster.pid": Read-only file system', 'failed-precondition'],
])('PostgreSQL’s last words say what the system lacks: %s', (words, code) => {
  const said = [`2026-01-01 00:00:00.000 UTC [42] FATAL:  ${words}`];
  const thrown = new Error('PGlite failed to initialize properly');
  expect(systemTrouble('/srv/data', thrown, said)).toMatchObject({ code, cause: thrown });
});

test("an error number of PGlite's file system does so as well", () => {
  expect(systemTrouble('/srv/data', { name: 'ErrnoError', errno: 51 })).toMatchObject({
    code: 'resource-exhausted',
    reason: 'disk-full',
  });
  expect(systemTrouble('/srv/data', { name: 'ErrnoError', errno: 33 })).toMatchObject({
    code: 'resource-exhausted',
    reason: undefined,
  });
});

test('an error that is not the system’s stays unchanged', () => {
  const said = ['FATAL:  "/pglite/data" is not a valid data directory'];
  expect(systemTrouble('/srv/data', new Error('failed'), said)).toBeUndefined();
});

test('a file in place of the folder is reported', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-pglite-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'file'), '');
  await expect(openPglite({ dataDir: join(folder, 'file') })).rejects.toMatchObject({
    code: 'failed-precondition',
    message: expect.stringContaining('that is not a folder'),
  });
});

/** Opens all files that the process may, but for `spare`, and then the database. */
const OPEN_WITH_FEW_FILES = `
  const [folder, spare] = process.argv.slice(1);
  const { openPglite } = await import(${JSON.stringify(new URL('./database.ts', import.meta.url).href)});
  await import('@electric-sql/pglite');
  const { closeSync, openSync } = await import('node:fs');
  const files = [];
  try { for (;;) files.push(openSync('/dev/null')); } catch {}
  for (const file of files.splice(0, Number(spare))) closeSync(file);
  await openPglite({ dataDir: folder }).then((db) => db.migrate()).then(
    () => console.log('migrated'),
    (error) => console.log(error.code + ' ' + error.message),
  );
  process.exit();
`;

// Few for PGlite, for our migrations, and for PostgreSQL while it makes the tables.
test.skipIf(process.platform !== 'linux').each([1, 16, 64])(
  'too many open files are reported as such: %i left',
  async (spare) => {
    const folder = await mkdtemp(join(tmpdir(), 'postlude-pglite-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const node = [process.execPath, '--input-type=module', '-e', OPEN_WITH_FEW_FILES];
    const command = [...node, join(folder, 'data'), String(spare)];
    const { stdout } = spawnSync('sh', ['-c', 'ulimit -n 256; exec "$@"', 'sh', ...command], {
      encoding: 'utf8',
    });
    expect(stdout).toMatch(/^resource-exhausted .*too many files are open/);
  },
);
