import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code, ConnectError } from '@connectrpc/connect';
import { systemClock } from '@postlude/queue/foundations';
import { expect, onTestFinished, test } from 'vitest';
import { openCliContext } from '../../../test/support/cli/cli-world.ts';
import type { Connection } from '../connection/connection.ts';
import { type Flushed, flushSpool } from './flush.ts';
import { Spool } from './spool.ts';

const URL = 'http://127.0.0.1:9';
const ENTRY = [
  {
    postlude: 'spool',
    version: 1,
    server: URL,
    recordedAt: '2026-01-02T03:04:05Z',
    open: { invocationId: 'x', realm: 'local:ci', recorder: 'r' },
  },
  { end: {}, batches: 0 },
];

/** Two recordings, and a server that refuses each call with this error. */
async function flushInto(error: ConnectError) {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-flush-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const entries = ['a.jsonl', 'b.jsonl'].map((name) => join(folder, name));
  const text = ENTRY.map((line) => `${JSON.stringify(line)}\n`).join('');
  for (const entry of entries) await writeFile(entry, text);
  let calls = 0;
  const openInvocation = (): Promise<never> => {
    calls += 1;
    return Promise.reject(error);
  };
  const retry = (call: () => Promise<unknown>) => call();
  const connection = { url: URL, retry, invocations: { openInvocation } } as unknown as Connection;
  const told: Flushed[] = [];
  const spool = new Spool({ ...openCliContext(), cwd: folder }, folder);
  await flushSpool({ clock: systemClock, connection, spool }, entries, (each) => told.push(each));
  return { calls, told, left: (await readdir(folder)).sort() };
}

test('recordings that the server refuses for now wait, and it is not asked for the others', async () => {
  const metadata = { 'retry-after': '60' };
  const { calls, left, told } = await flushInto(
    new ConnectError('too many results today', Code.ResourceExhausted, metadata),
  );
  expect(told).toMatchObject([{ state: 'waiting', reason: 'too many results today' }]);
  expect(calls).toBe(1);
  expect(left).toEqual(expect.arrayContaining(['a.jsonl', 'b.jsonl']));
});

test('one that exceeds a size waits as well, and the others are sent', async () => {
  const { calls, told } = await flushInto(
    new ConnectError('the message is too large', Code.ResourceExhausted),
  );
  expect(told.map(({ state }) => state)).toEqual(['waiting', 'waiting']);
  expect(calls).toBe(2);
});
