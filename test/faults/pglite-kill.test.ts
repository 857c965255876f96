import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openPglite } from '@postlude/queue/pglite';
import { int, sql } from '@postlude/queue/storage';
import { expect, onTestFinished, test } from 'vitest';
import { numbers } from './pglite-numbers.ts';

/** Kills a process after it has acknowledged `count` commits. Returns the last acknowledged number. */
async function writeAndKill(dataDir: string, count: number): Promise<number> {
  const writer = spawn(process.execPath, [join(import.meta.dirname, 'pglite-writer.ts'), dataDir]);
  const ended = new Promise((resolve) => writer.once('close', resolve));
  let last = -1;
  for await (const line of createInterface({ input: writer.stdout })) {
    last = Number(line);
    if (last >= count) writer.kill('SIGKILL');
  }
  await ended;
  return last;
}

test('an embedded database whose process is killed keeps every commit it acknowledged', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-kill-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const dataDir = join(folder, 'data');
  const last = await writeAndKill(dataDir, 100);
  expect(last).toBeGreaterThanOrEqual(100);

  const db = await openPglite({ dataDir });
  onTestFinished(() => db.close());
  const query = sql`SELECT n FROM ${numbers} ORDER BY n`;
  const stored = (await db.read((tx) => tx.query(query, { n: int }))).map(({ n }) => n);
  // One more commit may have succeeded before we read its number.
  expect(stored.slice(0, last + 1)).toEqual(Array.from({ length: last + 1 }, (_, n) => n));
  expect(stored.length).toBeLessThanOrEqual(last + 2);
});
