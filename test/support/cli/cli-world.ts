/** Runs command lines in this process, against a real server on a fresh embedded database. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog, systemClock } from '@postlude/queue/foundations';
import { onTestFinished } from 'vitest';
import type { CliContext } from '../../../src/cli/context.ts';
import { runCli } from '../../../src/cli/program.ts';
import { OwnSecrets } from '../../../src/cli/terminal/own-secrets.ts';
import { loadConfig } from '../../../src/server/config/config.ts';
import { type Server, startServer } from '../../../src/server/server.ts';
import { openTestPglite } from '../databases/databases.ts';
import { MemoryStream } from './memory-stream.ts';

export interface CliRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Parses each line of standard output as JSON. */
  json(): unknown[];
}

export interface RunOptions
  extends Partial<Pick<CliContext, 'clock' | 'env' | 'hasReader' | 'signal'>> {
  /** True if both output streams are terminals. */
  readonly isTTY?: boolean;
  /** Called with each text that is written to standard error. */
  readonly onStderr?: (text: string) => void;
}

/** Makes a context for inspecting the program without running a command. */
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
    secrets: new OwnSecrets(),
  };
}

/** Makes a new folder to run in, without a server. */
export async function openCli(ownEnv: Readonly<Record<string, string>> = {}) {
  const cwd = await mkdtemp(join(tmpdir(), 'postlude-cli-'));
  onTestFinished(() => rm(cwd, { recursive: true, force: true }));
  const runWith = async (options: RunOptions, ...argv: string[]): Promise<CliRun> => {
    const { clock = systemClock, env, hasReader = () => true, isTTY = false } = options;
    const { onStderr, signal } = options;
    const stdout = new MemoryStream({ isTTY });
    const stderr = new MemoryStream({ isTTY, ...(onStderr ? { onText: onStderr } : {}) });
    const code = await runCli(argv, {
      stdout,
      stderr,
      cwd,
      clock,
      hasReader,
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

/** Makes the same with a server that has these settings. The server sweeps only on request. */
export async function openCliWithServer(settings: Readonly<Record<string, string>> = {}) {
  const database = await openTestPglite();
  const exportDir = await mkdtemp(join(tmpdir(), 'postlude-exports-'));
  const start = async (listen: string): Promise<Server> => {
    const flags = {
      listen,
      exportDir,
      database: 'memory:',
      poll: '100ms',
      tqSweepEvery: '0s',
      ...settings,
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
  /** Starts the server again on the same port, with the same data. */
  const startAgain = async (): Promise<void> => {
    server = await start(new URL(first.url).host);
  };
  const cli = await openCli({ POSTLUDE_SERVER: first.url });
  return { ...cli, url: first.url, database, exportDir, startAgain, stopServer };
}
