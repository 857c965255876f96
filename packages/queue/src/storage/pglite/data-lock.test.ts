import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { text } from '../column.ts';
import { sql } from '../sql.ts';
import { table } from '../table.ts';
import { lockDataFolder } from './data-lock.ts';
import { openPglite } from './database.ts';
import { beganAt, startOf } from './process-start.ts';

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

test('the lock of a living process is respected and its process named; that of a dead one is taken over', async () => {
  const folder = join(await temporaryFolder(), 'data');
  await writeFile(`${folder}.lock`, String(process.ppid));
  await expect(lockDataFolder(folder)).rejects.toThrow(
    `in use by process ${process.ppid}, according to ${folder}.lock: stop that process, or`,
  );
  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  await writeFile(`${folder}.lock`, String(dead));
  const free = await lockDataFolder(folder);
  expect(await readFile(`${folder}.lock`, 'utf8')).toMatch(new RegExp(`^${process.pid}\\n`));
  await free();
});

describe.skipIf(process.platform !== 'linux')(
  'a process that was given the id of a dead owner',
  () => {
    test('does not hold its lock', async () => {
      const folder = join(await temporaryFolder(), 'data');
      const start = await startOf(process.ppid);
      await writeFile(`${folder}.lock`, `${process.ppid}\n${start}\n`);
      await expect(lockDataFolder(folder)).rejects.toMatchObject({ code: 'unavailable' });
      await writeFile(`${folder}.lock`, `${process.ppid}\n${start}0\n`);
      await (await lockDataFolder(folder))();
    });

    test('does not hold one without a time that was written before it began', async () => {
      const folder = join(await temporaryFolder(), 'data');
      const began = (await beganAt(process.ppid)) ?? Number.NaN;
      await writeFile(`${folder}.lock`, String(process.ppid));
      const before = new Date(began - 120_000);
      await utimes(`${folder}.lock`, before, before);
      await (await lockDataFolder(folder))();
    });
  },
);

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
