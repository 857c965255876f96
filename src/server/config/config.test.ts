import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configProblems, loadTestConfig } from '../../../test/support/server/test-config.ts';

const OIDC = {
  oidcIssuer: 'https://issuer.example.com',
  oidcAudiences: 'postlude',
} as const;
const REALMS = { 'realms.yaml': 'ci:main: {writer: [authenticated]}' };

test('names every problem of flags, environment and file at once, with its source', async () => {
  expect(
    await configProblems({
      flags: { listn: 'x', workers: 'many' },
      env: { POSTLUDE_LEASE: '30', POSTLUDE_DATABSE: 'memory:' },
      files: { 'postlude.yaml': 'exportDir: out\npol: 1s\nmaxRequestBytes: 16MB\n' },
    }),
  ).toEqual([
    'postlude.yaml:2: unknown setting pol (did you mean poll?)',
    'POSTLUDE_DATABSE: unknown variable (did you mean POSTLUDE_DATABASE?)',
    '--listn: unknown flag (did you mean listen?)',
    'postlude.yaml:3: maxRequestBytes must be a size with its unit, such as 512KiB or 16MiB',
    '--workers: must be a whole number',
    'POSTLUDE_LEASE: must be a duration with its unit, such as 500ms, 30s, 2m, 1h or 60d',
  ]);
});

test.each([
  ['an unreadable one', {}, /^absent\.yaml: cannot be read: ENOENT/],
  ['one with a syntax error', { 'absent.yaml': 'a: [1\nb: 2' }, /^absent\.yaml:2: /],
  [
    'a key twice',
    { 'absent.yaml': 'poll: 1s\npoll: 2s' },
    /^absent\.yaml:2: Map keys must be unique/,
  ],
  ['a list', { 'absent.yaml': '- poll' }, /^absent\.yaml:1: must map settings to values/],
  ['a setting without a value', { 'absent.yaml': 'poll:' }, /^absent\.yaml:1: poll has no value/],
  [
    'a list where a text is due',
    { 'absent.yaml': 'poll: [1s]' },
    /^absent\.yaml:1: poll must be a single/,
  ],
])('refuses as a configuration file %s', async (_what, files, message) => {
  expect(await configProblems({ flags: { config: 'absent.yaml' }, files })).toEqual([
    expect.stringMatching(message),
  ]);
});

test('needs nothing: embedded database, loopback, no authentication', async () => {
  const { config, cwd } = await loadTestConfig({});
  expect(config).toMatchObject({
    listen: { host: '127.0.0.1', port: 8010 },
    database: { kind: 'pglite', folder: join(cwd, '.postlude/data') },
    exportDir: join(cwd, '.postlude/exports'),
    autoMigrate: true,
    auth: { kind: 'none' },
    tokenSecrets: [],
    maxRequestBytes: 16 * 1024 ** 2,
    shutdownGraceMs: 20_000,
  });
});

test('takes flags before the environment before the file', async () => {
  const files = { 'postlude.yaml': 'workers: 1\nlease: 1s\npoll: 1s\nlogLevel: error' };
  const env = { POSTLUDE_WORKERS: '2', POSTLUDE_LEASE: '2s', POSTLUDE_CONFIG: '' };
  const { config } = await loadTestConfig({ flags: { workers: '3' }, env, files });
  expect(config).toMatchObject({ workers: 3, leaseMs: 2_000, pollMs: 1_000, logLevel: 'error' });
});

test('reads a JSON file, too, and paths relative to it', async () => {
  const text = JSON.stringify({ database: 'pglite:data', workers: 4, autoMigrate: false });
  const { config, cwd } = await loadTestConfig({
    flags: { config: 'p.json' },
    files: { 'p.json': text },
  });
  expect(config).toMatchObject({
    database: { kind: 'pglite', folder: join(cwd, 'data') },
    workers: 4,
    autoMigrate: false,
  });
});

test('leaves the variables of other commands alone', async () => {
  const env = { POSTLUDE_SERVER: 'https://x', POSTLUDE_ID_TOKEN: 't', POSTLUDE_INVOCATION: 'i' };
  expect(await configProblems({ env })).toEqual([]);
});

test('listens publicly, and does not migrate by itself, once callers are authenticated', async () => {
  const text = `
listen: 0.0.0.0:443
oidc:
  - issuer: https://token.actions.example.com
    audiences: [postlude]
    identity: service:{repository}
realms:
  ci:main:
    writer: ['service:octo/repo']
tokenSecrets: [a-secret-of-enough-letters, an-older-one-of-enough]
`;
  const { config } = await loadTestConfig({ files: { 'postlude.yaml': text } });
  expect(config).toMatchObject({
    listen: { host: '0.0.0.0', port: 443 },
    autoMigrate: false,
    auth: {
      kind: 'oidc',
      issuers: [{ audiences: ['postlude'], identity: 'service:{repository}' }],
      grants: { 'ci:main': { writer: ['service:octo/repo'] } },
    },
    tokenSecrets: ['a-secret-of-enough-letters', 'an-older-one-of-enough'],
  });
});

test('takes trusted proxies as addresses and ranges', async () => {
  const { config } = await loadTestConfig({ flags: { trustedProxies: '192.0.2.7, fd00::/8' } });
  expect(config.trustedProxies).toEqual([
    { address: '192.0.2.7', bits: 32 },
    { address: 'fd00::', bits: 8 },
  ]);
});

test('takes one issuer, its realms and the secrets from flags and files', async () => {
  const files = { ...REALMS, secrets: 'a-secret-of-enough-letters\n\nan-older-one-of-enough\n' };
  const flags = { ...OIDC, realmsFile: 'realms.yaml', tokenSecretsFile: 'secrets' };
  const { config } = await loadTestConfig({ flags, files });
  expect(config.auth).toEqual({
    kind: 'oidc',
    issuers: [{ issuer: OIDC.oidcIssuer, audiences: ['postlude'], identity: 'user:{email}' }],
    grants: { 'ci:main': { writer: ['authenticated'] } },
  });
  expect(config.tokenSecrets).toEqual(['a-secret-of-enough-letters', 'an-older-one-of-enough']);
});

test('a list is written with commas, or as a list of the file', async () => {
  const byFlag = await loadTestConfig({ flags: { enableExperiment: 'a, b' } });
  expect(byFlag.config.experiments).toEqual(['a', 'b']);
  const inFile = await loadTestConfig({ files: { 'postlude.yaml': 'enableExperiment: [a, b]' } });
  expect(inFile.config.experiments).toEqual(['a', 'b']);
});

test.each([
  [{}, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' }, true],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://localhost:4318/v1/traces' }, true],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318', OTEL_TRACES_EXPORTER: 'none' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318', OTEL_SDK_DISABLED: 'true' }, false],
])('with %j, whether traces are sent is %s', async (env, sendsTraces) => {
  expect((await loadTestConfig({ env })).config.sendsTraces).toBe(sendsTraces);
});

test.each([
  [{}, undefined],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' }, { intervalMs: 60_000 }],
  [
    {
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://localhost:4318/v1/metrics',
      OTEL_METRIC_EXPORT_INTERVAL: '5000',
    },
    { intervalMs: 5_000 },
  ],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://localhost:4318/v1/traces' }, undefined],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318', OTEL_METRICS_EXPORTER: 'none' },
    undefined,
  ],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318', OTEL_SDK_DISABLED: 'true' }, undefined],
])('with %j, metrics are sent as %j says', async (env, otlpMetrics) => {
  expect((await loadTestConfig({ env })).config.otlpMetrics).toEqual(otlpMetrics);
});

test.each(['0', '-1', '1.5', '1m', '86400001'])(
  'an interval of %s between metrics is refused',
  async (interval) => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318',
      OTEL_METRIC_EXPORT_INTERVAL: interval,
    };
    await expect(loadTestConfig({ env })).rejects.toThrow(
      `OTEL_METRIC_EXPORT_INTERVAL: ${interval} is not a number of milliseconds from 1 to a day`,
    );
  },
);

test('the example of docs/configuration.md is valid', async () => {
  const page = await readFile(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  const example = /```yaml\n(# postlude\.yaml\n[\s\S]*?)```/.exec(page)?.[1] ?? '';
  const { config } = await loadTestConfig({
    files: {
      'postlude.yaml': example.replace('/run/secrets/postlude-tokens', 'tokens'),
      tokens: 'a-secret-of-enough-letters',
    },
  });
  expect(config).toMatchObject({ listen: { host: '0.0.0.0' }, auth: { kind: 'oidc' } });
});

test('without authentication, not every page may call by pRPC', async () => {
  const given = (prpcOrigins: string) => ({ flags: { prpcOrigins } });
  await expect(loadTestConfig(given('*'))).rejects.toThrow(
    '--prpc-origins: every page could do everything, as callers are not authenticated: name origins',
  );
  const { config } = await loadTestConfig(given('https://console.example,http://localhost:3000'));
  expect(config.prpcOrigins).toEqual(['https://console.example', 'http://localhost:3000']);
});
