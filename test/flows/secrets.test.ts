/**
 * Runs commands and a server with secrets that can be recognized, through everything that fails, and looks for
 * them in all that is printed, logged and stored.
 */
import { readdir, readFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { join } from 'node:path';
import { type Clock, systemClock } from '@postlude/queue/foundations';
import { expect, onTestFinished, test } from 'vitest';
import { jsonLog } from '../../src/server/telemetry/json-log.ts';
import { openCli } from '../support/cli/cli-world.ts';
import { listen } from '../support/network/http-listener.ts';
import { OidcIssuerServer } from '../support/network/oidc-issuer.ts';
import { getPage, startTestServer, temporaryFolder } from '../support/server/server-world.ts';
import { loadTestConfig } from '../support/server/test-config.ts';

const MARK = 'hunter2';
/** Nothing listens there. */
const NOWHERE = 'http://127.0.0.1:9';
const NO_DATABASE = `postgres://me:${MARK}-of-a-url@127.0.0.1:9/x`;
const immediately: Clock = { ...systemClock, sleep: () => Promise.resolve() };

/** Everything that a job may hold. */
const ENVIRONMENT = {
  POSTLUDE_ID_TOKEN: `${MARK}.of.a.job`,
  POSTLUDE_INVOCATION: 'x',
  POSTLUDE_UPDATE_TOKEN: `${MARK}-of-an-invocation`,
  POSTLUDE_TOKEN_SECRETS: `${MARK}-of-all-update-tokens`,
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: `${MARK}-of-github`,
  ACTIONS_ID_TOKEN_REQUEST_URL: `${NOWHERE}/?key=${MARK}`,
  AWS_SECRET_ACCESS_KEY: `${MARK}-of-aws`,
  HTTP_PROXY: `http://me:${MARK}@127.0.0.1:9`,
  OTEL_EXPORTER_OTLP_HEADERS: `authorization=${MARK}`,
  PGPASSWORD: `${MARK}-of-postgresql`,
};

async function textsBelow(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const texts = files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'latin1'));
  return (await Promise.all(texts)).join('\n');
}

/** Runs a command that has to fail, and returns what it printed and stored. */
async function fail(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { cwd, runWith } = await openCli({ ...ENVIRONMENT, ...env });
  const ran = await runWith({ clock: immediately }, ...words);
  expect(ran.code, ran.err).not.toBe(0);
  return `${ran.out}${ran.err}${await textsBelow(cwd)}`;
}

/** Every call gets this response. Notes the tokens that arrive, to show that there were some to lose. */
async function refuseAll(status: number, body: string) {
  const tokens = new Set<string | undefined>();
  const server = await listen((request, response) => {
    tokens.add(request.headers.authorization);
    request.resume();
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  return { server, tokens };
}

const CALLS = [
  ['status', 'x'],
  ['create', 'x'],
  ['finalize', 'x'],
  ['finalize', 'x', '--token', `${MARK}-by-option`],
  ['query', 'x'],
  ['export', 'x', '--wait'],
  ['record', '--id', 'x', '--', process.execPath, '-e', 'process.exit(1)'],
  ['tasks', 'redrive', '--all'],
];

test.each(CALLS)('no secret appears if no server can be reached: %s %s %s %s', async (...words) => {
  expect(await fail(words, { POSTLUDE_SERVER: NOWHERE })).not.toContain(MARK);
  const byProxy = { POSTLUDE_SERVER: 'http://ci.invalid' };
  expect(await fail(words, byProxy)).not.toContain(MARK);
});

test.each([
  ['refuses the token', 401, '{"code":"unauthenticated","message":"no"}'],
  ['denies access', 403, '{"code":"permission_denied","message":"no"}'],
  ['is none of ours', 404, '<html>not found</html>'],
  ['responds with nonsense', 200, '\u0000{'],
])('no secret appears if the server %s', async (_what, status, body) => {
  const { server, tokens } = await refuseAll(status, body);
  for (const words of CALLS) {
    expect(await fail(words, { POSTLUDE_SERVER: server })).not.toContain(MARK);
  }
  expect([...tokens]).toEqual([`Bearer ${MARK}.of.a.job`]);
});

test.each([
  ['serve', '--database', NO_DATABASE],
  ['serve', '--database', `mysql://me:${MARK}@db/x`],
  ['serve', '--database', `postgres://me:${MARK}@[db/x`],
  ['serve', '--database', `postgres://127.0.0.1:9/x?password=${MARK}`],
  ['serve', '--listen', '0.0.0.0:0'],
  ['migrate', '--database', NO_DATABASE],
  ['sweep', '--database', NO_DATABASE],
  ['purge', '--database', NO_DATABASE],
  ['doctor', '--no-server-check', '--database', NO_DATABASE],
  ['copy', '--from', NO_DATABASE, '--to', NO_DATABASE],
  ['copy', '--from', `mysql://me:${MARK}@db/x`, '--to', NO_DATABASE],
  ['status', 'x', '--server', `https://me:${MARK}@ci.example`],
  ['status', 'x', '--server', `https://ci.example/?token=${MARK}`],
])('no secret appears if %s is given %s %s', async (...words) => {
  expect(await fail(words)).not.toContain(MARK);
});

test('no secret appears if secrets are malformed', async () => {
  for (const env of [
    { POSTLUDE_ID_TOKEN: `${MARK}\n${MARK}` },
    { POSTLUDE_UPDATE_TOKEN: `${MARK}\n${MARK}` },
    { POSTLUDE_ID_TOKEN: '', ACTIONS_ID_TOKEN_REQUEST_URL: `not a URL ${MARK}` },
  ]) {
    expect(await fail(['finalize', 'x'], { POSTLUDE_SERVER: NOWHERE, ...env })).not.toContain(MARK);
  }
  const short = { POSTLUDE_TOKEN_SECRETS: MARK };
  expect(await fail(['serve', '--database', 'memory:'], short)).not.toContain(MARK);
});

const LIST_TASKS = '/postlude.v1.Tasks/ListTasks';
const FINALIZE = '/luci.resultdb.v1.Recorder/FinalizeInvocation';

/** Calls of strangers and of callers who make mistakes, with every header that may hold a secret. */
async function callWithSecrets(url: string): Promise<string> {
  const secrets = {
    authorization: `Bearer ${MARK}.${MARK}.${MARK}`,
    'update-token': `${MARK}-forged`,
    cookie: `session=${MARK}`,
    'x-api-key': MARK,
  };
  let told = '';
  for (const path of [LIST_TASKS, FINALIZE, '/internal/tasks/q/t', '/nothing', '/metrics']) {
    for (const type of [
      'application/json',
      'application/proto',
      'application/grpc',
      'text/plain',
    ]) {
      for (const body of ['{}', `{"name": "${MARK}`, '\u0000\u0001']) {
        const response = await fetch(`${url}${path}?access_token=${MARK}`, {
          method: 'POST',
          headers: { 'content-type': type, ...secrets },
          body,
        });
        told += `${await response.text()}${[...response.headers].join()}`;
      }
    }
  }
  const session = connectHttp2(url);
  onTestFinished(() => void session.destroy());
  const stream = session.request({ ':method': 'POST', ':path': `/${MARK}`, ...secrets });
  stream.end();
  for await (const chunk of stream) told += chunk;
  return told;
}

test.each(['none', 'oidc'])(
  'a server logs no secret of its callers (authentication: %s)',
  async (auth) => {
    const issuer = await OidcIssuerServer.start();
    const realms = 'realms: {"ci:main": {admin: ["user:a@example.com"]}}';
    const { cwd } = await loadTestConfig({
      files: { 'realms.yaml': realms.replace('realms: ', '') },
      flags: { oidcIssuer: issuer.url, oidcAudiences: 'postlude', realmsFile: 'realms.yaml' },
    });
    const oidc = {
      oidcIssuer: issuer.url,
      oidcAudiences: 'postlude',
      realmsFile: join(cwd, 'realms.yaml'),
    };
    const pushed = {
      ...{ tqQueue: 'cloud-tasks', tqProject: 'p', tqRegion: 'l' },
      ...{ tqTargetHost: NOWHERE, cloudTasksEmulator: '127.0.0.1:9', tqPushAs: 'a@example.com' },
    };
    const logged: string[] = [];
    const log = jsonLog('debug', { write: (line) => void logged.push(line) });
    const exportDir = join(await temporaryFolder(), 'exports');
    const flags = { ...pushed, ...(auth === 'oidc' ? oidc : {}), exportDir };
    const { server, cwd: folder } = await startTestServer(flags, { log });
    const told = await callWithSecrets(server.url);
    const [, metrics] = await getPage(`${server.url}/metrics`);
    await server.close();
    const lines = logged.join('');
    expect(lines).toContain('"method":"postlude.v1.Tasks/ListTasks"');
    expect(lines).toContain('a push was refused');
    expect(`${lines}${metrics}${told}${await textsBelow(folder)}`).not.toContain(MARK);
  },
);
