import { cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { type IncomingMessage, type RequestListener, request } from 'node:http';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '@postlude/queue/foundations';
import { describe, expect, test } from 'vitest';
import { type CliRun, openCli, openCliWithServer } from '../../../../test/support/cli/cli-world.ts';
import { listen } from '../../../../test/support/network/http-listener.ts';
import { OidcIssuerServer } from '../../../../test/support/network/oidc-issuer.ts';
import { startTestServer } from '../../../../test/support/server/server-world.ts';

const REPORT = `<testsuite name="s">
  <testcase classname="c" name="passes"/>
  <testcase classname="c" name="fails"><failure message="no"/></testcase>
</testsuite>`;
const SPOOL = '.postlude/spool';
/** Nothing listens there. */
const AWAY = { POSTLUDE_SERVER: 'http://127.0.0.1:9' };
const RECORD = ['record', '--id', 'x', '--reports', 'r.xml'];

/** Does not wait between tries, but waits for heartbeats and the 5 seconds at the start. */
const hurried: Clock = {
  ...systemClock,
  sleep: (ms, signal) =>
    ms === 5_000 || ms > 60_000 ? systemClock.sleep(ms, signal) : Promise.resolve(),
};

/** Builds a command line that writes its report and then runs this JavaScript. */
function node(code = ''): string[] {
  const write = `require('node:fs').writeFileSync('r.xml', ${JSON.stringify(REPORT)});`;
  return ['--', process.execPath, '-e', write + code];
}

/** Opens a server and a recording that was made while the server was unreachable. */
async function openWorld() {
  const world = await openCliWithServer();
  const { cwd, run, runWith } = world;
  const recordElsewhere = (...argv: string[]) => runWith({ env: AWAY, clock: hurried }, ...argv);
  /** Makes our server look unreachable. */
  const recordAway = async (...argv: string[]) => {
    const ran = await recordElsewhere(...argv);
    const folders = await readdir(cwd, { withFileTypes: true, recursive: true });
    for (const { name, parentPath } of folders.filter((each) => each.name.endsWith('.jsonl'))) {
      const text = await readFile(join(parentPath, name), 'utf8');
      await writeFile(join(parentPath, name), text.replace(AWAY.POSTLUDE_SERVER, world.url));
    }
    return ran;
  };
  const waiting = (): Promise<string[]> => namesIn(join(cwd, SPOOL));
  const totals = async (id: string) => (await run('query', id, '--json')).json().at(-1);
  return { ...world, recordAway, recordElsewhere, waiting, totals };
}

async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => name !== 'refused');
}

/** Opens a server that never answers, with a clock that skips over time limits. */
/** Returns the modes of the folder and of its files. */
async function modesIn(folder: string): Promise<string[]> {
  const paths = [folder, ...(await namesIn(folder)).map((name) => join(folder, name))];
  const found = await Promise.all(paths.map((path) => stat(path)));
  return found.map(({ mode }) => (mode & 0o777).toString(8));
}

async function openSilence() {
  const url = await listen(() => undefined);
  const asked: number[] = [];
  let passedMs = 0;
  const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    if (ms > 60_000) return await systemClock.sleep(ms, signal);
    asked.push(ms);
    passedMs += ms;
  };
  const { runWith } = await openCli({ POSTLUDE_SERVER: url });
  const clock: Clock = { ...systemClock, sleep, monotonicMs: () => passedMs };
  const record = () => runWith({ clock }, ...RECORD, ...node());
  return { asked, record };
}

const stateOf = (ran: CliRun): unknown => ran.json()[0];

describe('without a server', () => {
  test('tests run, their exit code stays, and flush uploads them later', async () => {
    const { cwd, recordAway, run, totals, waiting } = await openWorld();
    const recorded = await recordAway(...RECORD, '--json', ...node('process.exit(7)'));
    expect(recorded.code).toBe(7);
    expect(recorded.err.match(/warning:/g)).toHaveLength(1);
    expect(recorded.err).toContain('cannot reach the server');
    const spooled = expect.stringContaining(join(cwd, SPOOL));
    expect(recorded.json()).toMatchObject([
      { invocation: 'x', exitCode: 7, results: 2, complete: true, spooled },
    ]);
    expect(await waiting()).toHaveLength(1);
    expect(await modesIn(join(cwd, SPOOL))).toEqual(['700', '600']);
    await writeFile(join(cwd, 'r.xml'), 'a later job has written this');
    const flushed = await run('flush');
    expect(flushed).toMatchObject({ code: 0, out: 'x: uploaded 2 results from the spool\n' });
    expect(await totals('x')).toMatchObject({ totals: { results: 2, unexpected: 1 } });
    expect(stateOf(await run('status', 'x', '--json'))).toMatchObject({
      attempt: 1,
      properties: { command: { exitCode: 7 } },
    });
    expect(await waiting()).toEqual([]);
    expect(await run('flush')).toMatchObject({ code: 0, out: '' });
  });

  test('the command is given no invocation, and the folder can be chosen', async () => {
    const { cwd, recordAway } = await openWorld();
    const knows = 'process.exit(process.env.POSTLUDE_INVOCATION === undefined ? 0 : 3)';
    const ran = await recordAway(...RECORD, '--spool', 'kept', ...node(knows));
    expect(ran.code).toBe(0);
    expect(await namesIn(join(cwd, 'kept'))).toHaveLength(1);
    const [name] = await namesIn(join(cwd, 'kept'));
    expect(await readFile(join(cwd, 'kept', name ?? ''), 'utf8')).not.toMatch(/token/i);
  });

  test('with --if-unreachable fail, no test runs', async () => {
    const { cwd, recordAway } = await openWorld();
    const ran = await recordAway(...RECORD, '--if-unreachable', 'fail', ...node());
    expect(ran).toMatchObject({ code: 1, err: expect.stringContaining('cannot reach the server') });
    expect(await namesIn(cwd)).toEqual([]);
  });

  test('a server that never answers delays the tests by 5 seconds at most, whatever is in the spool', async () => {
    const { asked, record } = await openSilence();
    const told = expect.stringContaining('the server did not answer within 5 s');
    expect(await record()).toMatchObject({ code: 0, err: told });
    expect(asked.splice(0)).toEqual([5_000]);
    expect(await record()).toMatchObject({ code: 0, err: told });
    expect(asked).toEqual([2_000, 3_000]);
  });

  test('a spool that cannot be used does not prevent tests from running', async () => {
    const { cwd, run, totals } = await openWorld();
    await writeFile(join(cwd, 'spool'), 'a file');
    const ran = await run(...RECORD, '--spool', 'spool', ...node('process.exit(3)'));
    expect(ran).toMatchObject({ code: 3, err: expect.stringContaining('ENOTDIR') });
    expect(await totals('x')).toMatchObject({ totals: { results: 2 } });
  });

  test('a mistake is reported before any test runs', async () => {
    const { cwd, run } = await openWorld();
    const ran = await run(...RECORD, '--realm', 'nonsense', ...node());
    expect(ran).toMatchObject({ code: 2, err: expect.stringContaining('realm') });
    expect(await namesIn(cwd)).toEqual([]);
  });
});

test('the next record uploads what waits, before it runs its own', async () => {
  const { recordAway, run, totals, waiting } = await openWorld();
  await recordAway(...RECORD, ...node());
  const ran = await run(...RECORD, ...node());
  expect(ran.err).toContain('x: uploaded 2 results from the spool');
  expect(await waiting()).toEqual([]);
  expect(await totals('x.attempt-2')).toMatchObject({ totals: { results: 4 } });
});

test('a server that goes away while the command runs gets its results later, once', async () => {
  const { runWith, run, startAgain, stopServer, totals, waiting } = await openWorld();
  const url = await listen(async (_request, response) => {
    await stopServer();
    response.end();
  });
  const stop = node(`fetch('${url}').then((answer) => answer.text())`);
  const ran = await runWith({ clock: hurried }, ...RECORD, ...stop);
  expect(ran).toMatchObject({ code: 0, err: expect.stringContaining('the results are kept') });
  expect(await waiting()).toHaveLength(1);
  await startAgain();
  expect((await run('flush')).code).toBe(0);
  expect(await totals('x')).toMatchObject({ totals: { results: 2 } });
  expect(stateOf(await run('status', 'x', '--json'))).toMatchObject({ attempt: 1 });
});

test('a recording stopped while the server is unreachable is kept as cancelled', async () => {
  const { run, runWith, startAgain, stopServer } = await openWorld();
  const stopping = new AbortController();
  const url = await listen(async (_request, response) => {
    await stopServer();
    response.end();
    stopping.abort('SIGTERM');
  });
  const wait = node(`process.on('SIGTERM', () => process.exit(0));
    setInterval(() => {}, 1000); fetch('${url}').catch(() => {});`);
  const options = { clock: hurried, signal: stopping.signal };
  expect((await runWith(options, ...RECORD, ...wait)).code).toBe(143);
  await startAgain();
  expect((await run('flush')).code).toBe(0);
  expect(stateOf(await run('status', 'x', '--json'))).toMatchObject({ endCause: 'CANCELLED' });
});

/** Forwards calls; `onAnswer` decides what happens to the response to the n-th call, from 1. */
async function startProxy(target: string, onAnswer: (call: number) => 'pass' | 'drop') {
  let calls = 0;
  const pass: RequestListener = (incoming, response) => {
    const { headers, method, url } = incoming;
    const onward = request(target + url, { method, headers }, (answer: IncomingMessage) => {
      calls += 1;
      if (onAnswer(calls) === 'drop') {
        incoming.socket.destroy();
        return;
      }
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    incoming.pipe(onward);
  };
  return { url: await listen(pass), calls: () => calls };
}

describe('flush', () => {
  test.each([1, 2, 3])('interrupted at answer %i can be repeated without harm', async (cut) => {
    const { recordAway, run, runWith, totals, url, waiting } = await openWorld();
    await recordAway(...RECORD, ...node());
    const stopping = new AbortController();
    const proxy = await startProxy(url, (call) => {
      if (call < cut) return 'pass';
      stopping.abort('SIGTERM');
      return 'drop';
    });
    const env = { POSTLUDE_SERVER: proxy.url };
    const stopped = await runWith({ env, signal: stopping.signal }, 'flush', '--any-server');
    expect(stopped).toMatchObject({ code: 143, err: expect.stringContaining('still waiting') });
    expect(await waiting()).toHaveLength(1);
    expect((await run('flush')).code).toBe(0);
    expect(await waiting()).toEqual([]);
    expect(await totals('x')).toMatchObject({ totals: { results: 2 } });
    expect((await run('status', 'x.attempt-2')).code).toBe(1);
  });

  test('by two processes at once counts each recording once', async () => {
    const { cwd, recordAway, run, totals } = await openWorld();
    await recordAway(...RECORD, ...node());
    await cp(join(cwd, SPOOL), join(cwd, 'copy'), { recursive: true });
    const both = await Promise.all([run('flush'), run('flush', '--spool', 'copy')]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(await totals('x')).toMatchObject({ totals: { results: 2 } });
    expect((await run('status', 'x.attempt-2')).code).toBe(1);
  });

  test('leaves alone an entry that a living process has locked, and takes over one of a dead process', async () => {
    const { cwd, recordAway, run, waiting } = await openWorld();
    await recordAway(...RECORD, ...node());
    const [name = ''] = await waiting();
    const lock = join(cwd, SPOOL, `${name}.lock`);
    await writeFile(lock, `${hostname()} ${process.pid}`);
    expect(await run('flush')).toMatchObject({
      code: 1,
      err: expect.stringContaining('another process is uploading'),
    });
    await writeFile(lock, `${hostname()} ${2 ** 22 + 1}`);
    expect((await run('flush')).code).toBe(0);
    expect(await waiting()).toEqual([]);
  });

  test('keeps and names an entry that the server refuses for good, and tries it again on request', async () => {
    const { recordAway, run, totals } = await openWorld();
    await recordAway(...RECORD, '--include', 'missing', ...node());
    await recordAway('record', '--id', 'y', '--reports', 'r.xml', ...node());
    const flushed = await run('flush');
    expect(flushed.code).toBe(1);
    expect(flushed.err).toMatch(/refused\S+ can never be uploaded: .*missing/);
    expect(await totals('y')).toMatchObject({ totals: { results: 2 } });
    expect((await run('flush')).err).toContain('left: ');
    await run('create', 'missing');
    expect((await run('flush', '--refused')).code).toBe(0);
    expect(await totals('x')).toMatchObject({ totals: { results: 2 } });
  });

  test.each([
    ['cut', (text: string) => text.slice(0, -20)],
    ['without its end', (text: string) => text.split('\n').slice(0, 2).join('\n')],
    ['wrong in a result', (text: string) => text.replace('"status":"PASS"', '"status":{}')],
    ['of another version', (text: string) => text.replace('"version":1', '"version":2')],
  ])('puts aside an entry that is %s', async (_what, change) => {
    const { cwd, recordAway, run, waiting } = await openWorld();
    await recordAway(...RECORD, ...node());
    const path = join(cwd, SPOOL, (await waiting())[0] ?? '');
    await writeFile(path, change(await readFile(path, 'utf8')));
    expect(await run('flush')).toMatchObject({ code: 1, err: expect.stringContaining('damaged') });
    expect(await waiting()).toEqual([]);
    expect((await run('status', 'x')).code).toBe(1);
  });

  test('keeps an entry for another server, which --any-server sends here', async () => {
    const { recordElsewhere, run, totals, waiting } = await openWorld();
    await recordElsewhere(...RECORD, ...node());
    const told =
      /is waiting: it is for http:\/\/127\.0\.0\.1:\d+ \(flush --any-server sends it here\)/;
    expect(await run('flush')).toMatchObject({ code: 1, err: expect.stringMatching(told) });
    const next = await run('record', '--id', 'y', '--reports', 'r.xml', ...node());
    expect(next).toMatchObject({ code: 0, err: expect.stringMatching(told) });
    expect(await waiting()).toHaveLength(1);
    expect((await run('status', 'x')).code).toBe(1);
    expect((await run('flush', '--any-server')).code).toBe(0);
    expect(await totals('x')).toMatchObject({ totals: { results: 2 } });
  });

  test('ignores what a killed record had not finished', async () => {
    const { cwd, run } = await openWorld();
    await mkdir(join(cwd, SPOOL), { recursive: true });
    await writeFile(join(cwd, SPOOL, '1-a.jsonl.partial'), '{"postlude":"spool"');
    expect((await run('flush')).code).toBe(0);
  });

  test('records as the next attempt if the server has ended the invocation meanwhile', async () => {
    const { cwd, recordAway, run, totals, waiting } = await openWorld();
    await recordAway(...RECORD, ...node());
    const path = join(cwd, SPOOL, (await waiting())[0] ?? '');
    const kept = await readFile(path, 'utf8');
    await run('flush');
    // Looks as if another client had ended the first attempt.
    await writeFile(path, kept.replace('"exitCode":0', '"exitCode":5'));
    expect((await run('flush')).code).toBe(0);
    expect(await totals('x.attempt-2')).toMatchObject({ totals: { results: 4 } });
  });
});

test('a job without a token runs its tests; one with a token of the CI system uploads them', async () => {
  const issuer = await OidcIssuerServer.start();
  let given = 0;
  const github = await listen(async (_request, response) => {
    given += 1;
    // The first recording has ended before the server sees it.
    const exp = Math.floor(systemClock.now() / 1000) + (given === 1 ? -600 : 300);
    const bearer = await issuer.bearer(systemClock.now(), { claims: { exp } });
    response.end(JSON.stringify({ value: bearer.slice('Bearer '.length) }));
  });
  const { cwd, runWith } = await openCli();
  await writeFile(join(cwd, 'realms.yaml'), REALMS);
  const { server } = await startTestServer({
    oidcIssuer: issuer.url,
    oidcAudiences: 'postlude',
    realmsFile: join(cwd, 'realms.yaml'),
  });
  const env = { POSTLUDE_SERVER: server.url };
  const fork = await runWith({ env }, ...RECORD, ...node());
  expect(fork).toMatchObject({ code: 0, err: expect.stringContaining('results go to') });
  const ofJob = {
    ...env,
    ACTIONS_ID_TOKEN_REQUEST_URL: `${github}/token?api=2`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-secret',
  };
  const flushed = await runWith({ env: ofJob }, 'flush');
  expect(flushed).toMatchObject({ code: 0, err: '' });
  expect(flushed.out).toContain('uploaded 2 results');
  expect(given).toBe(2);
});

const REALMS = `local:ci: {admin: ['user:*@example.com']}
local:@root: {admin: ['user:*@example.com']}
`;
