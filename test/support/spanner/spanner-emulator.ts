/**
 * Cloud Spanner's official emulator, for tests and benches: the one at SPANNER_EMULATOR_HOST, or one that is
 * started on a free port of 127.0.0.1 from the program that `gcloud` installs. It keeps its databases in
 * memory.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { access, realpath } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { systemClock } from '@postlude/queue/foundations';
import { freePort } from '../network/free-port.ts';
import { openSpannerAdmin, type SpannerAdmin } from './spanner-admin.ts';

export interface SpannerEmulator {
  /** `host:port` */
  readonly host: string;
  /** The process id; `undefined` if this process did not start the emulator. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

const PROGRAM = 'emulator_main';

/** Finds or starts an emulator with instances for tests; `undefined` if this machine has none. */
export async function startSpannerEmulator(): Promise<SpannerEmulator | undefined> {
  const { SPANNER_EMULATOR_HOST: given } = process.env;
  if (given) {
    await prepare(given);
    return { host: given, pid: undefined, stop: async () => undefined };
  }
  const program = await findProgram();
  return program === undefined ? undefined : await startProgram(program);
}

/** Looks on the search path, and beside `gcloud`, which installs it there. */
async function findProgram(): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const beside = await realpath(join(folder, 'gcloud')).then(dirname, () => folder);
    const candidates = [join(folder, PROGRAM), join(beside, 'cloud_spanner_emulator', PROGRAM)];
    for (const candidate of candidates) {
      if (await exists(candidate)) return candidate;
    }
  }
  return undefined;
}

async function startProgram(program: string): Promise<SpannerEmulator> {
  const host = `127.0.0.1:${await freePort()}`;
  const output: string[] = [];
  const child = spawn(program, [`--host_port=${host}`], { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const kill = (): void => void child.kill();
  process.once('exit', kill);
  try {
    await Promise.race([prepare(host), ended.then(() => Promise.reject(new Error('it ended')))]);
  } catch (cause) {
    kill();
    const words = output.slice(-5).join('');
    throw new Error(`the Spanner emulator did not start: ${words}`, { cause });
  }
  return { host, pid: child.pid, stop: () => stop(child, ended, kill) };
}

async function stop(child: ChildProcess, ended: Promise<void>, kill: () => void): Promise<void> {
  process.off('exit', kill);
  child.kill();
  await ended;
}

const READY_PAUSE_MS = 50;
const READY_ATTEMPTS = 200;

/** Waits until the emulator responds, and creates the instances. */
async function prepare(host: string): Promise<void> {
  const admin = await openSpannerAdmin(host);
  try {
    await createInstances(admin);
  } finally {
    await admin.close();
  }
}

async function createInstances(admin: SpannerAdmin): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await admin.createInstances();
      return;
    } catch (error) {
      if (attempt >= READY_ATTEMPTS) throw error;
      await systemClock.sleep(READY_PAUSE_MS);
    }
  }
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
