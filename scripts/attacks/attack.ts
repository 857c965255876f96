/** What an attack is, and what holds while it runs. */
import type { Attacker } from './attacker.ts';
import type { CommandRun } from './command-run.ts';

/** Sends one wave of the attack, and resolves after it. */
export type Wave = () => Promise<unknown>;

/** Sent to a server by one client, wave after wave, while another client does its honest work. */
export interface ServerAttack {
  readonly kind: 'server';
  readonly name: string;
  /** What is sent. */
  readonly says: string;
  /** All responses that one small wave may get from an idle server; none if nothing is ever answered. */
  readonly outcomes: readonly string[];
  /** Stores what the attack needs, and returns its wave. */
  readonly prepare: (attacker: Attacker) => Wave | Promise<Wave>;
}

/** What a user's command reads or prints, in a process of its own with bounds. */
export interface CommandAttack {
  readonly kind: 'command';
  readonly name: string;
  readonly says: string;
  /** Returns what is wrong; nothing if all is right. */
  readonly run: (commands: CommandRun) => Promise<readonly string[]>;
}

export type Attack = ServerAttack | CommandAttack;

/** The same for every attack on a server. */
export const SERVER_BOUNDS = {
  /** Resident memory over that of the idle server. */
  overIdleMb: 512,
  healthMs: 1000,
  /** The 99th percentile of an honest caller's calls, against that of the quiet server. */
  slowdown: 5,
  /** Below this, the quiet value says more about the machine than about the server. */
  leastQuietMs: 20,
  graceMs: 5000,
  /** From the end of the grace period until the process is gone. */
  exitMs: 1000,
} as const;

/** The same for every command that is attacked. */
export const COMMAND_BOUNDS = { seconds: 30, peakMb: 512 } as const;
