/** Mounts a disk of a given size (a tmpfs), if this process may: as root, on Linux. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toError } from '@postlude/queue/foundations';
import { onTestFinished } from 'vitest';

/** Returns why no disk can be mounted; `undefined` if one can. It tries to mount one to find out. */
export function noSmallDiskBecause(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'postlude-disk-'));
  try {
    run('mount', '-t', 'tmpfs', 'tmpfs', folder);
    run('umount', folder);
    return undefined;
  } catch (error) {
    return toError(error).message;
  } finally {
    rmdirSync(folder);
  }
}

/** Mounts an empty disk, which is unmounted when the test has finished. */
export async function mountSmallDisk(megabytes: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-disk-'));
  run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder);
  onTestFinished(async () => {
    run('umount', '--lazy', folder);
    await rm(folder, { recursive: true, force: true });
  });
  return folder;
}

function run(command: string, ...args: readonly string[]): void {
  const { error, status, stderr } = spawnSync(command, args);
  if (status !== 0) throw new Error(`${command}: ${error?.message ?? String(stderr)}`);
}
