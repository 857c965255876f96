import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { text } from '../column.ts';
import { sql } from '../sql.ts';
import { table } from '../table.ts';
import { lockDataFolder } from './data-lock.ts';
import { openPglite } from './database.ts';

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-pglite-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('a folder is locked until it is freed', async () => {
  const folder = join(await temporaryFolder(), 'new', 'data');
  const free = await lockDataFolder(folder);
  await expect(lockDataFolder(`${folder}/`)).rejects.toMatchObject({ code: 'unavailable' });
  await free();
  await (await lockDataFolder(folder))();
});

test('the lock of a living process is respected, that of a dead one taken over', async () => {
  const folder = join(await temporaryFolder(), 'data');
  await writeFile(`${folder}.lock`, String(process.ppid));
  await expect(lockDataFolder(folder)).rejects.toThrow(`in use by process ${process.ppid}`);
  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  await writeFile(`${folder}.lock`, String(dead));
  const free = await lockDataFolder(folder);
  expect(await readFile(`${folder}.lock`, 'utf8')).toBe(String(process.pid));
  await free();
});

test('a lock file that was never finished is taken over', async () => {
  const folder = join(await temporaryFolder(), 'data');
  await writeFile(`${folder}.lock`, '');
  await (await lockDataFolder(folder))();
});

test('a database in a folder keeps its rows when it is closed and opened again', async () => {
  const dataDir = join(await temporaryFolder(), 'data');
  const notes = table('notes', { id: text }, ['id']);
  const first = await openPglite({ dataDir });
  await first.migrate();
  await first.statement(sql`CREATE TABLE ${notes} (id text PRIMARY KEY)`, {});
  await first.write((tx) => tx.insert(notes, [{ id: 'kept' }]));
  await expect(openPglite({ dataDir })).rejects.toMatchObject({ code: 'unavailable' });
  await first.close();
  await expect(first.read(async () => undefined)).rejects.toMatchObject({
    code: 'failed-precondition',
  });

  const again = await openPglite({ dataDir });
  onTestFinished(() => again.close());
  await again.checkSchema();
  const rows = await again.read((tx) => tx.query(sql`SELECT id FROM ${notes}`, notes.columns));
  expect(rows).toEqual([{ id: 'kept' }]);
});
