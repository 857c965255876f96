import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Spool } from './spool.ts';

async function openRoot(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'postlude-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  return root;
}

/** The number of a process that has ended. */
function deadPid(): number {
  const { pid } = spawnSync(process.execPath, ['--version']);
  return pid;
}

test('removes what dead processes of this machine have left, and nothing else', async () => {
  const root = await openRoot();
  const living = await Spool.open(root);
  await writeFile(join(await living.makeFolder(), 'rows'), '');
  const kept = [`${hostname()}~${process.ppid}~aa`, `other-host~${deadPid()}~aa`, 'README'];
  const left = [`${hostname()}~${deadPid()}~aa`, `${hostname()}~${process.pid}~aa`];
  for (const name of [...kept, ...left])
    await mkdir(join(root, name, 'attempt'), { recursive: true });
  await Spool.open(root);
  const names = await readdir(root);
  expect(names).toEqual(expect.arrayContaining(kept));
  for (const name of left) expect(names).not.toContain(name);
  expect(names).toHaveLength(kept.length + 1);
});

test('gives each attempt a private folder of its own, and removes all when it closes', async () => {
  const root = join(await openRoot(), 'scratch');
  const spool = await Spool.open(root);
  const [one, other] = [await spool.makeFolder(), await spool.makeFolder()];
  expect(one).not.toBe(other);
  for (const folder of [root, one, other]) expect((await stat(folder)).mode & 0o777).toBe(0o700);
  await spool.close();
  expect(await readdir(root)).toEqual([]);
});
