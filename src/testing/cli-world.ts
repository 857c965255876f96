/** Runs command lines within the process, against a real server on a fresh embedded database. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { runCli } from '../cli/program.ts';
import { systemClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import { loadConfig } from '../server/config.ts';
import { startServer } from '../server/server.ts';
import { openTestPglite } from './databases.ts';
import { MemoryStream } from './memory-stream.ts';

export interface CliRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Each line of standard output, as JSON. */
  json(): unknown[];
}

/** A folder of its own to run in, and no server. */
export async function openCli(env: Readonly<Record<string, string>> = {}) {
  const cwd = await mkdtemp(join(tmpdir(), 'postlude-cli-'));
  onTestFinished(() => rm(cwd, { recursive: true, force: true }));
  const run = async (...argv: string[]): Promise<CliRun> => {
    const stdout = new MemoryStream();
    const stderr = new MemoryStream();
    const code = await runCli(argv, {
      ...{ stdout, stderr, cwd },
      env: { PATH: process.env.PATH, ...env },
      clock: systemClock,
      signal: new AbortController().signal,
    });
    const out = stdout.text();
    const lines = (): unknown[] =>
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    return { code, out, err: stderr.text(), json: lines };
  };
  return { cwd, run };
}

/** The same with a server to talk to. */
export async function openCliWithServer() {
  const database = await openTestPglite();
  const exportDir = await mkdtemp(join(tmpdir(), 'postlude-exports-'));
  const flags = { listen: '127.0.0.1:0', exportDir, database: 'memory:', poll: '100ms' };
  const config = await loadConfig({ flags, env: {}, cwd: exportDir });
  const server = await startServer(config, { database, log: silentLog });
  onTestFinished(async () => {
    await server.close();
    await rm(exportDir, { recursive: true, force: true });
  });
  return { ...(await openCli({ POSTLUDE_SERVER: server.url })), server, database, exportDir };
}
