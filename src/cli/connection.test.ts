import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { openCli } from '../testing/cli-world.ts';

/** Takes connections and never answers. */
async function startSilentServer(onRequest: () => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', onRequest);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.each([
  ['status x'],
  ['status x --watch'],
  ['query x'],
  ['create x'],
  ['finalize x --token t'],
  ['tasks list'],
  ['tq sweep'],
  ['record --id x -- true'],
])('the first signal to stop ends "%s", though the server does not answer', async (words) => {
  const stopping = new AbortController();
  const url = await startSilentServer(() => stopping.abort('SIGINT'));
  const { runWith } = await openCli({ POSTLUDE_SERVER: url });
  expect(await runWith({ signal: stopping.signal }, ...words.split(' '))).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringMatching(/^postlude: stopped/),
  });
});
