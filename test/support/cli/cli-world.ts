/** Runs command lines within the process, against a real server on a fresh embedded database. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { CliContext } from '../../../src/cli/context.ts';
import { runCli } from '../../../src/cli/program.ts';
import { systemClock } from '../../../src/clock.ts';
import { silentLog } from '../../../src/log.ts';
import { loadConfig } from '../../../src/server/config/config.ts';
import { type Server, startServer } from '../../../src/server/server.ts';
import { openTestPglite } from '../databases/databases.ts';
import { MemoryStream } from './memory-stream.ts';

export interface CliRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Each line of standard output, as JSON. */
  json(): unknown[];
}

export interface RunOptions
  extends Partial<Pick<CliContext, 'clock' | 'env' | 'hasReader' | 'signal'>> {
  /** Both output streams are terminals. */
  readonly isTTY?: boolean;
  /** Called with what is written to standard error, as it is written. */
  readonly onStderr?: (text: string) => void;
}

/** For looking at the program without running a command. */
export function openCliContext(): CliContext {
  return {
    stdout: new MemoryStream(),
    stderr: new MemoryStream(),
    hasReader: () => true,
    env: {},
    cwd: tmpdir(),
    clock: systemClock,
    exit: () => undefined,
    signal: new AbortController().signal,
    forced: new AbortController().signal,
  };
}

/** A folder of its own to run in, and no server. */
export async function openCli(ownEnv: Readonly<Record<string, string>> = {}) {
  const cwd = await mkdtemp(join(tmpdir(), 'postlude-cli-'));
  onTestFinished(() => rm(cwd, { recursive: true, force: true }));
  const runWith = async (options: RunOptions, ...argv: string[]): Promise<CliRun> => {
    const { clock = systemClock, env, hasReader = () => true, isTTY = false } = options;
    const { onStderr, signal } = options;
    const stdout = new MemoryStream({ isTTY });
    const stderr = new MemoryStream({ isTTY, ...(onStderr ? { onText: onStderr } : {}) });
    const code = await runCli(argv, {
      ...{ stdout, stderr, cwd, clock, hasReader },
      env: { PATH: process.env.PATH, ...ownEnv, ...env },
      signal: signal ?? new AbortController().signal,
      forced: new AbortController().signal,
      exit: () => undefined,
    });
    const out = stdout.text();
    const json = (): unknown[] => out.split(/\n(?=.)/).map((line) => JSON.parse(line));
    return { code, out, err: stderr.text(), json };
  };
  return { cwd, runWith, run: (...argv: string[]) => runWith({}, ...argv) };
}

/** The same with a server to talk to, with these settings; it sweeps only when it is asked to. */
export async function openCliWithServer(settings: Readonly<Record<string, string>> = {}) {
  const database = await openTestPglite();
  const exportDir = await mkdtemp(join(tmpdir(), 'postlude-exports-'));
  const start = async (listen: string): Promise<Server> => {
    const flags = {
      ...{ listen, exportDir, database: 'memory:' },
      ...{ poll: '100ms', tqSweepEvery: '0s', ...settings },
    };
    const config = await loadConfig({ flags, env: {}, cwd: exportDir });
    return startServer(config, { database, log: silentLog });
  };
  const first = await start('127.0.0.1:0');
  let server = first;
  onTestFinished(async () => {
    await server.close();
    await rm(exportDir, { recursive: true, force: true });
  });
  const stopServer = async (): Promise<void> => void (await server.close());
  /** On the same port, with the same data. */
  const startAgain = async (): Promise<void> => {
    server = await start(new URL(first.url).host);
  };
  const cli = await openCli({ POSTLUDE_SERVER: first.url });
  return { ...cli, url: first.url, database, exportDir, startAgain, stopServer };
}
