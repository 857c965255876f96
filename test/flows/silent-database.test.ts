/** Runs a server in its own process, whose database falls silent or holds a lock for ever. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Recorder } from '../../src/gen/luci/resultdb/v1/recorder_pb.js';
import {
  openTestPostgres,
  testPostgresUrl,
  testSchema,
  withTestClient,
} from '../support/databases/databases.ts';
import { startTcpProxy } from '../support/network/tcp-proxy.ts';

const SCRIPT = join(import.meta.dirname, 'serve-process.ts');

async function serveThroughProxy(more: readonly string[] = []) {
  const schema = testSchema();
  await openTestPostgres({ schema });
  const url = new URL(testPostgresUrl());
  const proxy = await startTcpProxy(Number(url.port || 5432));
  onTestFinished(() => proxy.close());
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  const flags = [
    ...['listen=127.0.0.1:0', `database=${url.href}`, `schema=${schema}`],
    ...['shutdownGrace=1s', 'poll=1s', ...more],
  ];
  const child = spawn(process.execPath, [SCRIPT, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const log: string[] = [];
  createInterface(child.stderr).on('line', (line) => log.push(line));
  const address = await firstLine(child, log);
  return { proxy, schema, child, ended, log, address };
}

async function firstLine({ stdout }: ChildProcess, log: readonly string[]): Promise<string> {
  if (stdout) for await (const line of createInterface(stdout)) return line;
  throw new Error(`the server ended:\n${log.join('\n')}`);
}

function createInvocation(baseUrl: string, invocationId: string): Promise<unknown> {
  const recorder = createClient(Recorder, createGrpcTransport({ baseUrl }));
  return recorder.createInvocation({ invocationId, invocation: { realm: 'ci:main' } });
}

async function readiness(address: string): Promise<string> {
  return await (await fetch(new URL('/readyz', address))).text();
}

describe.skipIf(testPostgresUrl() === '')('a server whose database', () => {
  test('falls silent says that it is not ready, and ends on SIGTERM, with a call under way', async () => {
    const { proxy, child, ended, log, address } = await serveThroughProxy();
    await createInvocation(address, 'before');
    expect(await readiness(address)).toBe('ready\n');
    proxy.fallSilent();
    expect(await readiness(address)).toMatch(/^not ready: the database has not answered for \d+ s/);
    const call = createInvocation(address, 'during').catch((error: unknown) => error);
    child.kill('SIGTERM');
    expect(await ended).toBe(1);
    expect(log.at(-1)).toMatch(/"message":"stopped, /);
    expect(await call).toBeInstanceOf(Error);
  });

  test('falls silent and speaks again is ready again, and ends in order', async () => {
    const { proxy, child, ended, log, address } = await serveThroughProxy(['shutdownGrace=5s']);
    await createInvocation(address, 'before');
    proxy.fallSilent();
    expect(await readiness(address)).toMatch(/^not ready: /);
    proxy.speak();
    while ((await readiness(address)) !== 'ready\n');
    await createInvocation(address, 'after');
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(log.at(-1)).toMatch(/"message":"stopped"/);
  });

  test('holds a lock that a call waits for ends on SIGTERM', async () => {
    const { schema, child, ended, address } = await serveThroughProxy();
    await withTestClient(async (client) => {
      await client.query('BEGIN');
      await client.query(`LOCK TABLE "${schema}".invocations IN ACCESS EXCLUSIVE MODE`);
      const call = createInvocation(address, 'waits').catch((error: unknown) => error);
      const waiting = `SELECT 1 FROM pg_locks WHERE NOT granted
        AND relation = '"${schema}".invocations'::regclass`;
      while ((await client.query(waiting)).rowCount === 0);
      child.kill('SIGTERM');
      expect(await ended).toBe(1);
      expect(await call).toBeInstanceOf(Error);
      await client.query('ROLLBACK');
    });
  });
});
