import type { RequestListener } from 'node:http';
import { systemClock } from '@postlude/queue/foundations';
import { expect, test } from 'vitest';
import { openCli } from '../../test/support/cli/cli-world.ts';
import { listen } from '../../test/support/network/http-listener.ts';

const ID_TOKEN = 'eyJhbGciOiJ.id-token.marked';
const UPDATE_TOKEN = 'update-token-marked-1';

/** A server that repeats the tokens of a request in its errors. */
const echo: RequestListener = ({ headers }, response) => {
  const message = `no: ${headers.authorization} ${headers['update-token']}`;
  response.writeHead(403, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ code: 'permission_denied', message }));
};

test.each([
  ['finalize', 'x', '--token', UPDATE_TOKEN],
  ['finalize', 'x', '--token', UPDATE_TOKEN, '--json'],
  ['status', 'x'],
  ['record', '--id', 'x', '--', 'true'],
])('a token that the server repeats is not printed: %s', async (...argv) => {
  const env = { POSTLUDE_SERVER: await listen(echo), POSTLUDE_ID_TOKEN: ID_TOKEN };
  const { runWith } = await openCli(env);
  const { err, out } = await runWith({ clock: systemClock }, ...argv);
  expect(err).toContain('Bearer [secret]');
  expect(out + err).not.toMatch(/marked/);
});

test('a short token is not looked for in what is printed', async () => {
  const { runWith } = await openCli({ POSTLUDE_SERVER: await listen(echo) });
  const { err } = await runWith({ env: { POSTLUDE_ID_TOKEN: 'e' } }, 'status', 'x');
  expect(err).toContain('Bearer e');
});
