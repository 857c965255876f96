import { writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { systemClock } from '@postlude/queue/foundations';
import { expect, onTestFinished, test } from 'vitest';
import {
  createInvocation,
  startTestServer,
  temporaryFolder,
} from '../../../test/support/server/server-world.ts';
import { UpdateTokens } from '../../services/recorder/update-token.ts';

const SECRET = 'a secret of the test';
const BATCH = '/luci.resultdb.v1.Recorder/BatchCreateTestResults';
const WEEK_MS = 7 * 24 * 3_600_000;

function tokensOf(secret: string, now = systemClock.now()): UpdateTokens {
  return new UpdateTokens({
    secrets: [Buffer.from(secret)],
    clock: { ...systemClock, now: () => now },
  });
}

/** Announces a body of 15 MB and sends none of it. Returns what comes back. */
async function firstAnswer(url: string, token: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect({ host: hostname, port: Number(port) });
  onTestFinished(() => void socket.destroy());
  socket.write(
    `POST ${BATCH} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n` +
      `update-token: ${token}\r\ncontent-length: 15000000\r\n\r\n`,
  );
  return await new Promise((resolve) => socket.once('data', (data) => resolve(String(data))));
}

test.each([
  ['is none', 'x'],
  ['another secret signed', tokensOf('another secret').issue('inv')],
  ['has expired', tokensOf(SECRET, systemClock.now() - WEEK_MS).issue('inv')],
])('a token that %s is refused before a byte of the body is read', async (_what, token) => {
  const tokenSecretsFile = join(await temporaryFolder(), 'secrets');
  await writeFile(tokenSecretsFile, SECRET, { mode: 0o600 });
  const { server } = await startTestServer({ tokenSecretsFile });
  const answer = await firstAnswer(server.url, token);
  expect(answer).toMatch(/^HTTP\/1.1 403 /);
  expect(answer).toContain('invalid update token');
});

test('a token of another invocation is refused once the body says which one it is for', async () => {
  const started = await startTestServer();
  await createInvocation(started, 'mine');
  const other = await createInvocation(started, 'other');
  const call = started.recorder.finalizeInvocation({ name: 'invocations/mine' }, other);
  await expect(call).rejects.toThrow('invalid update token');
});
