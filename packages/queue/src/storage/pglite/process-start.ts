/**
 * When a process began, if the system tells it (Linux). This distinguishes processes that had the same id.
 */
import { readFile } from 'node:fs/promises';
import type { EpochMs } from '../../foundations/clock.ts';

/** The unit that Linux reports to programs, whatever its internal ticks are. */
const TICKS_PER_SECOND = 100;

/** Returns a text that no other process with that id ever has; `undefined` if the system does not tell. */
export async function startOf(pid: number): Promise<string | undefined> {
  const [ticks, boot] = await Promise.all([
    startTicks(pid),
    readSystemFile('/proc/sys/kernel/random/boot_id'),
  ]);
  return ticks === undefined || boot === undefined ? undefined : `${boot.trim()} ${ticks}`;
}

/** Returns the time by the machine's clock, so it is only approximate. */
export async function beganAt(pid: number): Promise<EpochMs | undefined> {
  const [ticks, stat] = await Promise.all([startTicks(pid), readSystemFile('/proc/stat')]);
  const bootSeconds = /^btime (\d+)$/m.exec(stat ?? '')?.[1];
  if (ticks === undefined || bootSeconds === undefined) return undefined;
  return (Number(bootSeconds) + ticks / TICKS_PER_SECOND) * 1000;
}

/** Counts from the machine's start. The second field is a name in parentheses, which may contain anything. */
async function startTicks(pid: number): Promise<number | undefined> {
  const stat = await readSystemFile(`/proc/${pid}/stat`);
  const ticks = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return ticks === undefined ? undefined : Number(ticks);
}

async function readSystemFile(path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').catch(() => undefined);
}
