/** When a process began, where the system tells it (Linux): tells apart those that had one id. */
import { readFile } from 'node:fs/promises';
import type { EpochMs } from '../../clock.ts';

/** Linux's own, whatever the machine's real ticks are. */
const TICKS_PER_SECOND = 100;

/** Words that no other process of that id ever has; `undefined` where the system does not tell. */
export async function startOf(pid: number): Promise<string | undefined> {
  const [ticks, boot] = await Promise.all([
    startTicks(pid),
    readSystemFile('/proc/sys/kernel/random/boot_id'),
  ]);
  return ticks === undefined || boot === undefined ? undefined : `${boot.trim()} ${ticks}`;
}

/** By the machine's clock, so only about right. */
export async function beganAt(pid: number): Promise<EpochMs | undefined> {
  const [ticks, stat] = await Promise.all([startTicks(pid), readSystemFile('/proc/stat')]);
  const bootSeconds = /^btime (\d+)$/m.exec(stat ?? '')?.[1];
  if (ticks === undefined || bootSeconds === undefined) return undefined;
  return (Number(bootSeconds) + ticks / TICKS_PER_SECOND) * 1000;
}

/** Since the machine started. The second field is a name in parentheses, which may hold anything. */
async function startTicks(pid: number): Promise<number | undefined> {
  const stat = await readSystemFile(`/proc/${pid}/stat`);
  const ticks = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return ticks === undefined ? undefined : Number(ticks);
}

async function readSystemFile(path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').catch(() => undefined);
}
