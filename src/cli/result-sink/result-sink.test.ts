import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { openCli, openCliWithServer } from '../../../test/support/cli/cli-world.ts';
import { ReportTestResultsRequestSchema } from '../../gen/luci/resultsink/v1/sink_pb.js';

/** What an adapter does: it finds the sink, and reports to it by pRPC. */
const ADAPTER = `
  const { readFileSync, writeFileSync } = require('node:fs');
  const context = JSON.parse(readFileSync(process.env.LUCI_CONTEXT, 'utf8'));
  const { address, auth_token } = context.result_sink;
  const post = (method, body, headers = {}) =>
    fetch('http://' + address + '/prpc/luci.resultsink.v1.Sink/' + method, {
      method: 'POST',
      headers: { authorization: 'ResultSink ' + auth_token, 'content-type': 'application/json', accept: 'application/json', ...headers },
      body,
    });
  const report = async (method, message) => {
    const response = await post(method, JSON.stringify(message));
    if (!response.ok) throw new Error(await response.text());
    return JSON.parse((await response.text()).slice(4));
  };
  const passed = (testId, more) => ({ testId, expected: true, status: 'PASS', ...more });
`;

/** Builds a command line that runs this JavaScript as an adapter would run. */
const adapter = (code: string): string[] => [
  '--',
  process.execPath,
  '-e',
  `${ADAPTER}(async () => { ${code} })().catch((error) => { console.error(error); process.exitCode = 9; });`,
];

interface StoredResult {
  readonly testId: string;
  readonly resultId: string;
  readonly variant: Record<string, string>;
}

async function openWorld() {
  const world = await openCliWithServer();
  const resultsOf = async (id: string): Promise<StoredResult[]> => {
    const lines = (await world.run('query', id, '--json')).json() as Partial<StoredResult>[];
    return lines.filter((each): each is StoredResult => each.testId !== undefined);
  };
  const exonerationsOf = async (id: string): Promise<unknown> => {
    const response = await fetch(`${world.url}/luci.resultdb.v1.ResultDB/ListTestExonerations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ invocation: `invocations/${id}` }),
    });
    return ((await response.json()) as { testExonerations?: unknown }).testExonerations;
  };
  return { ...world, resultsOf, exonerationsOf };
}

test('records what a command reports by JSON, with its prefix, variant and tags', async () => {
  const { run, resultsOf } = await openWorld();
  const options = ['--test-id-prefix', 'ninja://', '--variant', 'os:linux', '--result-tag', 'a:b'];
  const command = adapter(`
    const variant = { def: { os: 'mac', gpu: 'none' } };
    const answer = await report('ReportTestResults', { testResults: [passed('a', { variant }), passed('b', { resultId: 'own' })] });
    if (JSON.stringify(answer) !== '{}') throw new Error('not empty');
  `);
  const recorded = await run('record', '--json', '--id', 'x', ...options, ...command);
  expect(recorded).toMatchObject({ code: 0, err: '' });
  expect(recorded.json()).toMatchObject([
    { reported: { results: 2, unexpected: 0, exonerations: 0, artifacts: 0 } },
  ]);
  expect(await resultsOf('x')).toMatchObject([
    {
      testId: 'ninja://a',
      resultId: expect.stringMatching(/^[0-9a-f]{8}-00001$/),
      variant: { os: 'mac', gpu: 'none' },
    },
    { testId: 'ninja://b', resultId: 'own', variant: { os: 'linux' } },
  ]);
});

test('takes the binary form, compressed, and makes ids with parts if it has a module', async () => {
  const { run, resultsOf } = await openWorld();
  const request = create(ReportTestResultsRequestSchema, {
    testResults: [
      {
        testIdStructured: { fineName: 'Suite', caseNameComponents: ['a:b', 'c'] },
        statusV2: 1,
        tags: [{ key: 'k', value: 'v' }],
      },
    ],
  });
  const body = Buffer.from(toBinary(ReportTestResultsRequestSchema, request)).toString('base64');
  const command = adapter(`
    const body = require('node:zlib').gzipSync(Buffer.from('${body}', 'base64'));
    const headers = { 'content-type': 'application/prpc; encoding=binary', 'content-encoding': 'gzip' };
    const response = await post('ReportTestResults', body, headers);
    if (response.headers.get('x-prpc-grpc-code') !== '0') throw new Error(await response.text());
  `);
  const module = ['--module-name', '//m', '--module-scheme', 'gtest', '--variant', 'os:linux'];
  const recorded = await run('record', '--id', 'x', ...module, ...command);
  expect(recorded).toMatchObject({ code: 0 });
  expect(await resultsOf('x')).toMatchObject([
    { testId: String.raw`://m!gtest::Suite#a\:b:c`, variant: { os: 'linux' } },
  ]);
});

test('refuses a wrong token, a missing one, and results that the server would refuse', async () => {
  const { run, cwd, resultsOf } = await openWorld();
  const command = adapter(`
    const body = (...testResults) => JSON.stringify({ testResults });
    const tried = [
      await post('ReportTestResults', body(), { authorization: 'ResultSink ' + auth_token.slice(1) }),
      await post('ReportTestResults', body(), { authorization: '' }),
      await post('ReportTestResults', body(passed('good'), passed('bad', { duration: '-1s' }))),
      await post('ReportTestResults', body(passed('a', { artifacts: { log: {} } }))),
      await post('ReportTestResults', 'x'.repeat(65 * 1024 * 1024)),
    ];
    const told = tried.map(async (each) => each.headers.get('x-prpc-grpc-code') + ' ' + (await each.text()).trim());
    writeFileSync('told.json', JSON.stringify(await Promise.all(told)));
  `);
  await run('record', '--id', 'x', ...command);
  const told = JSON.parse(await readFile(join(cwd, 'told.json'), 'utf8'));
  expect(told).toEqual([
    '7 no valid auth_token found',
    expect.stringMatching(/^(?:7|16) /),
    '3 test_results[1]: duration: must not be negative',
    '3 test_results[0]: artifacts: log: body: one of file_path or contents or gcs_uri must be provided',
    expect.stringMatching(/^8 /),
  ]);
  expect(await resultsOf('x')).toEqual([]);
});

test('records exonerations and properties, and says that artifacts are not recorded', async () => {
  const { run, exonerationsOf } = await openWorld();
  const command = adapter(`
    const exoneration = { testId: 'a', explanationHtml: 'flaky', reason: 'NOT_CRITICAL' };
    await report('ReportTestExonerations', { testExonerations: [exoneration] });
    const artifacts = { log: { contents: 'aGk=' }, trace: { filePath: '/tmp/trace' } };
    await report('ReportTestResults', { testResults: [passed('a', { artifacts })] });
    await report('ReportInvocationLevelArtifacts', { artifacts: { 'run.log': { contents: 'aGk=' } } });
    const again = await post('ReportInvocationLevelArtifacts', JSON.stringify({ artifacts: { 'run.log': { contents: 'aGk=' } } }));
    if (again.status !== 409) throw new Error('not refused');
    const extendedProperties = { key: { '@type': 'example.com/some.Type', a: 1 } };
    const answer = await report('UpdateInvocation', { invocation: { extendedProperties }, updateMask: 'extendedProperties.key' });
    if (answer.extendedProperties.key.a !== 1) throw new Error(JSON.stringify(answer));
  `);
  const recorded = await run('record', '--id', 'x', ...command);
  expect(recorded.err).toContain('the command reported 3 artifacts, which record does not upload');
  expect(recorded).toMatchObject({ code: 0 });
  expect(await exonerationsOf('x')).toMatchObject([{ testId: 'a', reason: 'NOT_CRITICAL' }]);
});

test('an unexpected result explains why the command failed', async () => {
  const { run, resultsOf } = await openWorld();
  const command = adapter(`
    await report('ReportTestResults', { testResults: [{ testId: 'a', status: 'FAIL' }] });
    process.exitCode = 3;
  `);
  expect(await run('record', '--id', 'x', ...command)).toMatchObject({ code: 3 });
  expect((await resultsOf('x')).map(({ testId }) => testId)).toEqual(['a']);
});

test('keeps what a command has reported before it dies', async () => {
  const { run, resultsOf } = await openWorld();
  const command = adapter(`
    await report('ReportTestResults', { testResults: [passed('a')] });
    process.kill(process.pid, 'SIGKILL');
  `);
  expect(await run('record', '--id', 'x', ...command)).toMatchObject({ code: 137 });
  const ids = (await resultsOf('x')).map(({ testId }) => testId);
  expect(ids.sort()).toEqual(['a', 'postlude/command']);
});

test('takes the results of two programs that report at once', async () => {
  const { run, resultsOf } = await openWorld();
  const reporter = `${ADAPTER}(async () => {
    for (let each = 0; each < 20; each++)
      await report('ReportTestResults', { testResults: [passed(process.argv[1] + each)] });
  })();`;
  const command = adapter(`
    const start = (name) => new Promise((resolve) => {
      const args = ['-e', ${JSON.stringify(reporter)}, name];
      require('node:child_process').spawn(process.execPath, args, { stdio: 'inherit' }).once('exit', resolve);
    });
    process.exitCode = Math.max(...(await Promise.all([start('p'), start('q')])));
  `);
  expect(await run('record', '--id', 'x', ...command)).toMatchObject({ code: 0 });
  const results = await resultsOf('x');
  expect(results.length).toBe(40);
  expect(new Set(results.map(({ resultId }) => resultId)).size).toBe(40);
});

test('the spool has everything if the server is away, and each counts once', async () => {
  const { run, cwd, exonerationsOf, resultsOf, startAgain, stopServer } = await openWorld();
  const command = adapter(`
    const exoneration = { testId: 'a', explanationHtml: 'flaky', reason: 'NOT_CRITICAL' };
    await report('ReportTestResults', { testResults: [passed('a'), passed('b')] });
    await report('ReportTestExonerations', { testExonerations: [exoneration] });
    if (context.resultdb) throw new Error('there is no invocation yet');
    const answer = await post('UpdateInvocation', JSON.stringify({ updateMask: 'extendedProperties' }));
    if (answer.status !== 503) throw new Error('not refused');
  `);
  await stopServer();
  const recorded = await run('record', '--retry-for', '0s', '--id', 'x', ...command);
  expect(recorded).toMatchObject({ code: 0 });
  expect(await readdir(join(cwd, '.postlude/spool'))).toHaveLength(1);
  await startAgain();
  expect(await run('flush')).toMatchObject({ code: 0 });
  expect((await resultsOf('x')).map(({ testId }) => testId)).toEqual(['a', 'b']);
  expect(await exonerationsOf('x')).toMatchObject([{ testId: 'a', reason: 'NOT_CRITICAL' }]);
});

test('keeps the other sections of a context that it was given, and the rest of the environment', async () => {
  const { runWith, cwd, url } = await openWorld();
  const given = { local_auth: { rpc_port: 1 }, resultdb: { hostname: 'other' }, result_sink: {} };
  await writeFile(join(cwd, 'given.json'), JSON.stringify(given));
  const env = { LUCI_CONTEXT: join(cwd, 'given.json'), OTHER: 'kept' };
  const command = adapter(`
    writeFileSync('seen.json', JSON.stringify({ ...context, other: process.env.OTHER, file: process.env.LUCI_CONTEXT }));
  `);
  await runWith({ env }, 'record', '--id', 'x', ...command);
  const { file, ...seen } = JSON.parse(await readFile(join(cwd, 'seen.json'), 'utf8'));
  expect(seen).toEqual({
    other: 'kept',
    local_auth: { rpc_port: 1 },
    resultdb: {
      hostname: new URL(url).host,
      current_invocation: { name: 'invocations/x', update_token: expect.any(String) },
    },
    result_sink: {
      address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      auth_token: expect.stringMatching(/^[0-9a-f]{64}$/),
    },
  });
  await expect(readFile(file)).rejects.toThrow('ENOENT');
});

test('the command runs even if the context that it was given cannot be read', async () => {
  const { runWith } = await openWorld();
  const env = { LUCI_CONTEXT: '/no/such/file' };
  const recorded = await runWith({ env }, 'record', '--id', 'x', '--', process.execPath, '-e', '0');
  expect(recorded).toMatchObject({ code: 0 });
  expect(recorded.err).toContain('the command cannot report results itself: LUCI_CONTEXT names');
});

test.each([
  [['--module-name', 'm'], 'belong together'],
  [
    ['--module-name', 'm', '--module-scheme', 'flat', '--test-id-prefix', 'p'],
    'no --test-id-prefix',
  ],
  [['--module-name', 'legacy', '--module-scheme', 'flat'], 'may not be "legacy"'],
  [['--module-name', 'm', '--module-scheme', 'No'], '--module-scheme: does not match'],
  [['--result-tag', 'Key:x'], 'key'],
  [['--test-id-prefix', ':m'], 'colon'],
])('refuses %j', async (options, problem) => {
  const { run } = await openCli();
  const refused = await run('record', ...options, '--', process.execPath, '-e', '0');
  expect(refused).toMatchObject({ code: 2, err: expect.stringContaining(problem) });
});
