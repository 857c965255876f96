/** Runs one attack, and compares what it did to a server or a command with the bounds. */
import { loadavg } from 'node:os';
import { systemClock } from '@postlude/queue/foundations';
import { Served } from '../../bench/overload/served.ts';
import { COMMAND_BOUNDS, type CommandAttack, SERVER_BOUNDS, type ServerAttack } from './attack.ts';
import { AttackThread } from './attack-thread.ts';
import { CommandRun } from './command-run.ts';
import { type HonestFigures, openHonestCaller } from './honest-caller.ts';

const WARM_UP_MS = 1000;
const SAMPLE_EVERY_MS = 50;

export interface MeasureOptions {
  readonly seconds: number;
  readonly heapMb: number;
  /** Of the attacker's thread. With `low`, it leaves the processors to the server and the honest caller. */
  readonly priority: 'low' | 'normal';
  readonly serverFlags: readonly string[];
}

export interface Measured {
  readonly attack: string;
  readonly figures: Readonly<Record<string, unknown>>;
  /** The bounds that did not hold. */
  readonly broken: readonly string[];
}

export async function measureServer(
  attack: ServerAttack,
  { heapMb, priority, seconds, serverFlags }: MeasureOptions,
): Promise<Measured> {
  const grace = ['--shutdown-grace', `${SERVER_BOUNDS.graceMs}ms`];
  const heap = [`--max-old-space-size=${heapMb}`];
  const served = await Served.start([...grace, ...serverFlags], heap);
  try {
    const honest = await openHonestCaller(served);
    const thread = await AttackThread.prepare(attack, { priority, url: served.url });
    await honest.during(systemClock.sleep(WARM_UP_MS)); // until code is compiled
    const quiet = await honest.during(systemClock.sleep(seconds * 1000));
    const idleMb = served.memoryMb('VmRSS');
    thread.begin();
    const passed = systemClock.sleep(seconds * 1000);
    const [attacked, peakMb] = await Promise.all([
      honest.during(passed),
      peakUntil(passed, served, idleMb),
    ]);
    const isAlive = served.isAlive;
    const exitMs = await served.terminate(SERVER_BOUNDS.graceMs * 3);
    const counts = await thread.stop();
    const seen = { quiet, attacked, overIdleMb: peakMb - idleMb, isAlive, exitMs };
    const figures = { ...counts, ...figuresOf(seen) };
    return { attack: attack.name, figures, broken: brokenBy(seen) };
  } finally {
    await served.stop();
  }
}

export async function measureCommand(
  attack: CommandAttack,
  { heapMb, serverFlags }: MeasureOptions,
): Promise<Measured> {
  const commands = new CommandRun({ heapMb, serverFlags });
  try {
    const problems = await attack.run(commands);
    const { figures } = commands;
    const broken = [
      ...problems,
      ...bound('seconds', figures.seconds, COMMAND_BOUNDS.seconds),
      ...bound('peak_mb', figures.peak_mb, COMMAND_BOUNDS.peakMb),
    ];
    return { attack: attack.name, figures, broken };
  } finally {
    await commands.close();
  }
}

interface Seen {
  readonly quiet: HonestFigures;
  readonly attacked: HonestFigures;
  readonly overIdleMb: number;
  readonly isAlive: boolean;
  readonly exitMs: number;
}

function figuresOf({ attacked, exitMs, isAlive, overIdleMb, quiet }: Seen) {
  return {
    over_idle_mb: overIdleMb,
    health_ms: attacked.healthMs,
    honest_calls: attacked.calls,
    quiet_p50_ms: quiet.p50Ms,
    quiet_p99_ms: quiet.p99Ms,
    p50_ms: attacked.p50Ms,
    p99_ms: attacked.p99Ms,
    slowdown: rounded(slowdown(quiet.p99Ms, attacked.p99Ms)),
    quiet_ran_p99_ms: quiet.ranP99Ms,
    ran_p99_ms: attacked.ranP99Ms,
    ran_slowdown: rounded(slowdown(quiet.ranP99Ms, attacked.ranP99Ms)),
    survived: isAlive,
    exit_ms: Math.round(exitMs),
    load: rounded(loadavg()[0] ?? 0),
  };
}

function brokenBy({ attacked, exitMs, isAlive, overIdleMb, quiet }: Seen): string[] {
  return [
    ...(isAlive ? [] : ['the server died']),
    ...attacked.failed.slice(0, 1).map((why) => `${attacked.failed.length} calls failed: ${why}`),
    ...bound('over_idle_mb', overIdleMb, SERVER_BOUNDS.overIdleMb),
    ...bound('health_ms', attacked.healthMs, SERVER_BOUNDS.healthMs),
    ...bound('slowdown', slowdown(quiet.p99Ms, attacked.p99Ms), SERVER_BOUNDS.slowdown),
    ...bound('exit_ms', exitMs, SERVER_BOUNDS.graceMs + SERVER_BOUNDS.exitMs),
  ];
}

function slowdown(quietMs: number, attackedMs: number): number {
  return attackedMs / Math.max(quietMs, SERVER_BOUNDS.leastQuietMs);
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

function bound(name: string, value: number, most: number): string[] {
  return value <= most ? [] : [`${name} ${rounded(value)} > ${most}`];
}

async function peakUntil(done: Promise<unknown>, served: Served, idleMb: number): Promise<number> {
  let isDone = false;
  void done.finally(() => (isDone = true));
  let peakMb = idleMb;
  while (!isDone && served.isAlive) {
    peakMb = Math.max(peakMb, served.memoryMb('VmRSS'));
    await systemClock.sleep(SAMPLE_EVERY_MS);
  }
  return peakMb;
}
