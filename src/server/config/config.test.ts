import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { hasCode } from '../../errors.ts';
import { type Config, loadConfig } from './config.ts';

interface Given {
  readonly flags?: Readonly<Record<string, string | undefined>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

async function load(given: Given): Promise<{ config: Config; cwd: string }> {
  const cwd = await mkdtemp(join(tmpdir(), 'postlude-config-'));
  onTestFinished(() => rm(cwd, { recursive: true }));
  for (const [name, text] of Object.entries(given.files ?? {})) {
    await writeFile(join(cwd, name), text);
  }
  const flags = {
    ...(given.files?.['postlude.yaml'] ? { config: 'postlude.yaml' } : {}),
    ...given.flags,
  };
  return { config: await loadConfig({ flags, env: given.env ?? {}, cwd }), cwd };
}

async function problemsOf(given: Given): Promise<readonly string[]> {
  try {
    await load(given);
  } catch (error) {
    if (!hasCode(error, 'invalid-argument')) throw error;
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}

const OIDC = {
  oidcIssuer: 'https://issuer.example.com',
  oidcAudiences: 'postlude',
} as const;
const REALMS = { 'realms.yaml': 'ci:main: {writer: [authenticated]}' };

test('names every problem of flags, environment and file at once, with its source', async () => {
  expect(
    await problemsOf({
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
    'POSTLUDE_LEASE: must be a duration with its unit, such as 500ms, 30s, 2m or 1h',
  ]);
});

test.each([
  ['listen', '8010', 'must be host:port, such as 127.0.0.1:8010 or [::1]:8010'],
  ['listen', '[zz]:1', 'must be host:port, such as 127.0.0.1:8010 or [::1]:8010'],
  ['listen', '127.0.0.1:65536', 'has a port above 65535'],
  [
    'database',
    'mysql://x',
    'must be pglite:PATH, memory:, postgres://user@host:port/database or spanner://project/instance/database',
  ],
  ['database', 'spanner://p/i', 'must be spanner://PROJECT/INSTANCE/DATABASE'],
  ['database', 'spanner://p/tests/Results', 'names no possible database of Spanner: Results'],
  ['database', 'pglite:', 'names no folder: pglite:PATH'],
  ['workers', '0', 'must be between 1 and 1000'],
  ['lease', '-1s', 'must be a duration with its unit, such as 500ms, 30s, 2m or 1h'],
  ['lease', '1ms', 'must be between 1000ms and 3600000ms'],
  ['autoMigrate', 'yes', 'must be true or false'],
  ['logLevel', 'loud', 'must be one of debug, info, warn, error'],
  ['exportDir', ' ', 'must not be empty'],
])('refuses --%s %s', async (name, value, message) => {
  const flag = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  expect(await problemsOf({ flags: { [name]: value } })).toEqual([`--${flag}: ${message}`]);
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
    /^absent\.yaml:1: poll must be one/,
  ],
])('refuses as a configuration file %s', async (_what, files, message) => {
  expect(await problemsOf({ flags: { config: 'absent.yaml' }, files })).toEqual([
    expect.stringMatching(message),
  ]);
});

test('refuses a public address without authentication, and says what to do', async () => {
  expect(await problemsOf({ flags: { listen: '0.0.0.0:8010' } })).toEqual([
    '--listen: 0.0.0.0 can be reached from other machines, and callers are not authenticated: set oidcIssuer, oidcAudiences and realms, or listen on 127.0.0.1:8010',
  ]);
});

test.each([
  [
    'an issuer without audiences',
    { flags: { oidcIssuer: 'https://a.b' } },
    '--oidc-issuer: needs oidcAudiences, too',
  ],
  [
    'audiences without an issuer',
    { flags: { oidcAudiences: 'p' } },
    '--oidc-audiences: needs oidcIssuer, too',
  ],
  [
    'an issuer that is not safe',
    { flags: { ...OIDC, oidcIssuer: 'http://a.b' } },
    '--oidc-issuer: must begin with https:// (http:// only on this machine)',
  ],
  [
    'no realms',
    { flags: OIDC },
    '--oidc-issuer: without realms nobody may do anything: set realms or realmsFile',
  ],
  [
    'realms without an issuer',
    { flags: { realmsFile: 'realms.yaml' }, files: REALMS },
    '--realms-file: realms need callers that are authenticated: set oidcIssuer or oidc',
  ],
  [
    'a role that there is not',
    { flags: { ...OIDC, realmsFile: 'r' }, files: { r: 'ci:main: {owner: [anyone]}' } },
    'r:1: no such role: owner (there are reader, writer, admin)',
  ],
  [
    'a realm without a project',
    { flags: { ...OIDC, realmsFile: 'r' }, files: { r: '\nmain: {admin: [anyone]}' } },
    'r:2: main: is not a realm (project:realm, or project:@root)',
  ],
  [
    'a member without a kind',
    { flags: { ...OIDC, realmsFile: 'r' }, files: { r: 'ci:main: {admin: [bob]}' } },
    'r:1: ci:main: admin: bob is not a member (user:someone@example.com, user:*@example.com, authenticated, anyone)',
  ],
  [
    'a short secret',
    { env: { POSTLUDE_TOKEN_SECRETS: 'short' } },
    'POSTLUDE_TOKEN_SECRETS: has a secret shorter than 16 characters',
  ],
  [
    'a secrets file without secrets',
    { flags: { tokenSecretsFile: 's' }, files: { s: '\n' } },
    '--token-secrets-file: holds no secret',
  ],
  [
    'a secret as a flag',
    { flags: { tokenSecrets: 'x'.repeat(20) } },
    '--tokenSecrets: unknown flag (did you mean token-secrets-file?)',
  ],
])('refuses callers with %s', async (_what, given, problem) => {
  expect(await problemsOf(given)).toContain(problem);
});

test.each([
  ['- issuer: https://a.b', 'postlude.yaml:1: oidc [0]: audiences: must be a list of texts'],
  ['- {issuer: https://a.b, audiences: [p], key: 1}', 'postlude.yaml:1: oidc [0]: unknown key key'],
  [
    '- {issuer: https://a.b, audience: [p]}',
    'postlude.yaml:1: oidc [0]: unknown key audience (did you mean audiences?)',
  ],
  [
    '- {issuer: https://a.b, audiences: [p], identity: "{email}"}',
    'postlude.yaml:1: oidc [0]: identity: must be a kind and claims, like user:{email} or service:{repository}',
  ],
  [
    '- {issuer: https://a.b, audiences: [p]}\n- {issuer: https://a.b, audiences: [p]}',
    'postlude.yaml:1: oidc has the issuer https://a.b twice',
  ],
])('refuses oidc: %s', async (list, problem) => {
  const text = `oidc:\n${list.replaceAll(/^/gm, '  ')}\nrealmsFile: realms.yaml\n`;
  expect(await problemsOf({ files: { 'postlude.yaml': text, ...REALMS } })).toContain(problem);
});

test('needs nothing: embedded database, loopback, no authentication', async () => {
  const { config, cwd } = await load({});
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
  const { config } = await load({ flags: { workers: '3' }, env, files });
  expect(config).toMatchObject({ workers: 3, leaseMs: 2_000, pollMs: 1_000, logLevel: 'error' });
});

test('reads a JSON file, too, and paths relative to it', async () => {
  const text = JSON.stringify({ database: 'pglite:data', workers: 4, autoMigrate: false });
  const { config, cwd } = await load({ flags: { config: 'p.json' }, files: { 'p.json': text } });
  expect(config).toMatchObject({
    database: { kind: 'pglite', folder: join(cwd, 'data') },
    workers: 4,
    autoMigrate: false,
  });
});

test('leaves the variables of other commands alone', async () => {
  const env = { POSTLUDE_SERVER: 'https://x', POSTLUDE_ID_TOKEN: 't', POSTLUDE_INVOCATION: 'i' };
  expect(await problemsOf({ env })).toEqual([]);
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
  const { config } = await load({ files: { 'postlude.yaml': text } });
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

test('takes one issuer, its realms and the secrets from flags and files', async () => {
  const files = { ...REALMS, secrets: 'a-secret-of-enough-letters\n\nan-older-one-of-enough\n' };
  const flags = { ...OIDC, realmsFile: 'realms.yaml', tokenSecretsFile: 'secrets' };
  const { config } = await load({ flags, files });
  expect(config.auth).toEqual({
    kind: 'oidc',
    issuers: [{ issuer: OIDC.oidcIssuer, audiences: ['postlude'], identity: 'user:{email}' }],
    grants: { 'ci:main': { writer: ['authenticated'] } },
  });
  expect(config.tokenSecrets).toEqual(['a-secret-of-enough-letters', 'an-older-one-of-enough']);
});

test('a list is written with commas, or as a list of the file', async () => {
  const byFlag = await load({ flags: { enableExperiment: 'a, b' } });
  expect(byFlag.config.experiments).toEqual(['a', 'b']);
  const inFile = await load({ files: { 'postlude.yaml': 'enableExperiment: [a, b]' } });
  expect(inFile.config.experiments).toEqual(['a', 'b']);
});

test.each([
  [{}, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' }, true],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://localhost:4318/v1/traces' }, true],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318', OTEL_TRACES_EXPORTER: 'none' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318', OTEL_SDK_DISABLED: 'true' }, false],
])('with %j, whether traces are sent is %s', async (env, sendsTraces) => {
  expect((await load({ env })).config.sendsTraces).toBe(sendsTraces);
});

test('the example of docs/configuration.md is valid', async () => {
  const page = await readFile(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  const example = /```yaml\n(# postlude\.yaml\n[\s\S]*?)```/.exec(page)?.[1] ?? '';
  const { config } = await load({
    files: {
      'postlude.yaml': example.replace('/run/secrets/postlude-tokens', 'tokens'),
      tokens: 'a-secret-of-enough-letters',
    },
  });
  expect(config).toMatchObject({ listen: { host: '0.0.0.0' }, auth: { kind: 'oidc' } });
});
