/** The texts of all problems that a configuration can have, each with the input that has it. */
import { describe, expect, test } from 'vitest';
import { configProblems, type GivenConfig } from '../../../test/support/server/test-config.ts';

const FLAGS = { oidcIssuer: 'https://a.b', oidcAudiences: 'p' } as const;
const REALMS_YAML = 'ci:main: {writer: [anyone]}';
const DURATION = 'must be a duration with its unit, such as 500ms, 30s, 2m, 1h or 60d';
const PROXIES = 'must be IP addresses or ranges, such as 192.0.2.7, 10.0.0.0/8 or fd00::/8';
const SIZE = 'must be a size with its unit, such as 512KiB or 16MiB';
const ADDRESS = 'must be host:port, such as 127.0.0.1:8010 or [::1]:8010';
const HOST = 'must be host[:port], http://host[:port] or https://host[:port]';
const DATABASE =
  'must be pglite:PATH, memory:, postgres://user@host:port/database or spanner://project/instance/database';
const SAFE_URL = 'must begin with https:// (http:// only on this machine)';
const IDENTITY = 'identity: must be a kind and claims, like user:{email} or service:{repository}';
const MEMBERS = '(user:someone@example.com, user:*@example.com, authenticated, anyone)';
const ORIGINS = 'must be origins, such as https://console.example or http://localhost:3000, or *';

/** Values of settings that are written as text, and what is wrong with each. */
const TEXTS: readonly [string, string, string][] = [
  ['listen', '8010', ADDRESS],
  ['listen', '[zz]:1', ADDRESS],
  ['listen', '[1:2]:1', ADDRESS],
  ['listen', '127.0.0.1:65536', 'has a port above 65535'],
  ['maxRequestBytes', '16', SIZE],
  ['maxRequestBytes', '16MB', SIZE],
  ['maxRequestBytes', '1KiB1', SIZE],
  ['maxRequestBytes', '1B', 'must be between 1024B and 1073741824B'],
  ['requestTimeout', '2', DURATION],
  ['requestTimeout', '61m', 'must be between 1000ms and 3600000ms'],
  ['maxConnections', '65537', 'must be between 1 and 65536'],
  ['trustedProxies', 'proxy.example', PROXIES],
  ['trustedProxies', '10.0.0.0/33', PROXIES],
  ['trustedProxies', '10.0.0.1,', 'must not be empty'],
  ['trustedProxies', '0.0.0.0/0', PROXIES],
  ['prpcOrigins', 'console.example', ORIGINS],
  ['prpcOrigins', 'https://console.example/', ORIGINS],
  ['trustedProxies', 'fd00::/8/8', PROXIES],
  ['database', 'mysql://x', DATABASE],
  ['database', 'pglite:', 'must name a folder: pglite:PATH'],
  ['database', 'spanner://p/i', 'must be spanner://PROJECT/INSTANCE/DATABASE'],
  ['database', 'spanner://P/inst/tests', 'names no possible project of Spanner: P'],
  ['database', 'spanner://p/I/tests', 'names no possible instance of Spanner: I'],
  ['database', 'spanner://p/inst/T', 'names no possible database of Spanner: T'],
  ['schema', '', 'must not be empty'],
  ['databaseConnections', '1001', 'must be between 1 and 1000'],
  ['statementTimeout', '-1s', DURATION],
  ['statementTimeout', '2h', 'must be between 0ms and 3600000ms'],
  ['autoMigrate', 'yes', 'must be true or false'],
  ['exportDir', ' ', 'must not be empty'],
  ['oidcIssuer', 'a.b', 'must be a URL'],
  ['oidcIssuer', 'http://a.b', SAFE_URL],
  ['oidcAudiences', 'a,,b', 'must not be empty'],
  ['realmsFile', '', 'must not be empty'],
  ['tokenSecretsFile', '', 'must not be empty'],
  ['workers', 'many', 'must be a whole number'],
  ['workers', '1.5', 'must be a whole number'],
  ['workers', '0', 'must be between 1 and 1000'],
  ['lease', '1ms', 'must be between 1000ms and 3600000ms'],
  ['poll', '49ms', 'must be between 50ms and 600000ms'],
  ['rescueEvery', '25h', 'must be between 1000ms and 86400000ms'],
  ['enforceEvery', '0.01s', 'must be between 50ms and 600000ms'],
  ['tqQueue', 'pubsub', 'must be one of database, cloud-tasks'],
  ['tqProject', 'a b', 'must be one word'],
  ['tqRegion', '', 'must be one word'],
  ['tqTargetHost', 'https://h/path', HOST],
  ['tqNamespace', 'a-b', 'must be a letter or _, then up to 49 letters, digits or _'],
  ['tqPushAs', 'two words', 'must be one word'],
  ['tqPushAudience', ' ', 'must not be empty'],
  ['tqPushIssuer', 'ftp://a.b', SAFE_URL],
  ['tqSweepEvery', '2h', 'must be between 0ms and 3600000ms'],
  ['cloudTasksEmulator', 'h', ADDRESS],
  ['cloudTasksEmulator', 'h:99999', 'has a port above 65535'],
  ['enableExperiment', ',', 'must not be empty'],
  ['shutdownGrace', '0s', 'must be between 1000ms and 3600000ms'],
  ['shutdownDelay', '11m', 'must be between 0ms and 600000ms'],
  ['logLevel', 'loud', 'must be one of debug, info, warn, error'],
];

/** Ten lists of ten lists, and so on, in a line. */
const BOMB_YAML = `realms: [${'abcdefgh'
  .split('')
  .map((name, index, all) => {
    const items = index === 0 ? ['x'] : Array(10).fill(`*${all[index - 1]}`);
    return `&${name} [${items.join(', ')}]`;
  })
  .join(', ')}]`;

const toFlag = (name: string) =>
  `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
const toVariable = (name: string) =>
  `POSTLUDE_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

describe('a wrong text', () => {
  test.each(TEXTS)('%s %s: is reported as a flag', async (name, text, problem) => {
    const problems = await configProblems({ flags: { [name]: text } });
    expect(problems[0]).toBe(`${toFlag(name)}: ${problem}`);
  });

  test.each(TEXTS.filter(([, text]) => text !== ''))(
    '%s %s: is reported as a variable',
    async (name, text, problem) => {
      const problems = await configProblems({ env: { [toVariable(name)]: text } });
      expect(problems[0]).toBe(`${toVariable(name)}: ${problem}`);
    },
  );

  test.each(TEXTS)('%s %s: is reported in a file, with its line', async (name, text, problem) => {
    const yaml = `# line 1\n${name}: ${JSON.stringify(text)}\n`;
    const problems = await configProblems({ files: { 'postlude.yaml': yaml } });
    expect(problems[0]).toBe(`postlude.yaml:2: ${name} ${problem}`);
  });
});

/** What stands in a file, and its problem, which begins with `postlude.yaml:1: ` and the setting. */
const VALUES: readonly [string, string][] = [
  ['poll:', 'poll has no value'],
  ['oidc:', 'oidc has no value'],
  ['realms: ~', 'realms has no value'],
  ['oidcAudiences:', 'oidcAudiences has no value'],
  ['poll: [1s]', 'poll must be a single text or number'],
  ['poll: {every: 1s}', 'poll must be a single text or number'],
  ['workers: -1', 'workers must be a whole number'],
  ['workers: true', 'workers must be a whole number'],
  ['autoMigrate: 1', 'autoMigrate must be true or false'],
  ['oidcAudiences: []', 'oidcAudiences must be a list of texts'],
  ['oidcAudiences: {a: b}', 'oidcAudiences must be a list of texts'],
  ['oidcAudiences: [1]', 'oidcAudiences must be a text'],
  ['oidcAudiences: [" "]', 'oidcAudiences must not be empty'],
  ['enableExperiment: [[a]]', 'enableExperiment must be a text'],
  ['tqPushers: [a@b.c, ""]', 'tqPushers must not be empty'],
  ['tokenSecrets: [1]', 'tokenSecrets must be a text'],
  ['oidc: text', 'oidc must be a structure, not text'],
  ['oidc: {issuer: a}', 'oidc must be a list of issuers'],
  ['oidc: [a]', 'oidc [0]: must be a mapping with issuer and audiences'],
  ['oidc: [[a]]', 'oidc [0]: must be a mapping with issuer and audiences'],
  ['oidc: [~]', 'oidc [0]: must be a mapping with issuer and audiences'],
  ['oidc: [{}]', 'oidc [0]: issuer: must be a text'],
  ['oidc: [{issuer: 1, audiences: [p]}]', 'oidc [0]: issuer: must be a text'],
  ['oidc: [{issuer: "", audiences: [p]}]', 'oidc [0]: issuer: must not be empty'],
  ['oidc: [{issuer: a, audiences: [p]}]', 'oidc [0]: issuer: must be a URL'],
  ['oidc: [{issuer: http://a, audiences: [p]}]', `oidc [0]: issuer: ${SAFE_URL}`],
  ['oidc: [{issuer: https://a}]', 'oidc [0]: audiences: must be a list of texts'],
  ['oidc: [{issuer: https://a, audiences: p}]', 'oidc [0]: audiences: must be a list of texts'],
  ['oidc: [{issuer: https://a, audiences: [1]}]', 'oidc [0]: audiences: must be a text'],
  ['oidc: [{issuer: https://a, audiences: [p], key: 1}]', 'oidc [0]: unknown key key'],
  [
    'oidc: [{issuer: https://a, audience: [p]}]',
    'oidc [0]: unknown key audience (did you mean audiences?)',
  ],
  ['oidc: [{issuer: https://a, audiences: [p], jwksUri: 1}]', 'oidc [0]: jwksUri: must be a text'],
  ['oidc: [{issuer: https://a, audiences: [p], jwksUri: x}]', 'oidc [0]: jwksUri: must be a URL'],
  ['oidc: [{issuer: https://a, audiences: [p], identity: 1}]', `oidc [0]: ${IDENTITY}`],
  ['oidc: [{issuer: https://a, audiences: [p], identity: "{email}"}]', `oidc [0]: ${IDENTITY}`],
  [
    'oidc: [{issuer: https://a, audiences: [p]}, 1]',
    'oidc [1]: must be a mapping with issuer and audiences',
  ],
  [
    'oidc: [{issuer: https://a, audiences: [p]}, {issuer: https://a, audiences: [q]}]',
    'oidc has the issuer https://a twice',
  ],
  ['realms: text', 'realms must be a structure, not text'],
  ['realms: []', 'realms must map realms to roles, and roles to members'],
  ['realms: {}', 'realms must map realms to roles, and roles to members'],
  [
    'realms: {main: {admin: [anyone]}}',
    'realms main: is not a realm (project:realm, or project:@root)',
  ],
  ['realms: {"a:b": [anyone]}', 'realms a:b: must map roles to members'],
  ['realms: {"a:b": ~}', 'realms a:b: must map roles to members'],
  ['realms: {"a:b": {admin: anyone}}', 'realms a:b: admin: must be a list of texts'],
  ['realms: {"a:b": {admin: [1]}}', 'realms a:b: admin: must be a text'],
  ['realms: {"a:b": {admin: [bob]}}', `realms a:b: admin: bob is not a member ${MEMBERS}`],
  [
    'realms: {"a:b": {owner: [anyone]}}',
    'realms no such role: owner (there are reader, writer, admin)',
  ],
];

test.each(VALUES)('in a file, %s: %s', async (yaml, problem) => {
  const problems = await configProblems({ files: { 'postlude.yaml': yaml } });
  expect(problems[0]).toBe(`postlude.yaml:1: ${problem}`);
});

const OPEN =
  '0.0.0.0 can be reached from other machines, and callers are not authenticated: set oidcIssuer, oidcAudiences and realms, or listen on 127.0.0.1:80';
const OPEN_PUSHES =
  '0.0.0.0 can be reached from other machines, and pushes are not authenticated: set tqPushAs';
const NO_REALMS = 'without realms nobody may do anything: set realms or realmsFile';
const NO_ISSUER = 'realms need authenticated callers: set oidcIssuer or oidc';
const SECRET = 'a-secret-of-enough-letters';
const ISSUER_YAML =
  'oidc: [{issuer: https://a.b, audiences: [p]}]\nrealms: {"a:b": {admin: [anyone]}}\n';

/** What settings, names and files say together, with all problems of each. */
const WHOLES: readonly [string, GivenConfig, readonly string[]][] = [
  ['an unknown flag', { flags: { xyz: '1' } }, ['--xyz: unknown flag']],
  ['a misspelt flag', { flags: { listn: 'x' } }, ['--listn: unknown flag (did you mean listen?)']],
  [
    'a misspelt variable',
    { env: { POSTLUDE_DATABSE: 'memory:' } },
    ['POSTLUDE_DATABSE: unknown variable (did you mean POSTLUDE_DATABASE?)'],
  ],
  ['a variable like no setting', { env: { POSTLUDE_HOMETOWN_OF_NOBODY: 'x' } }, []],
  [
    'an unknown setting',
    { files: { 'postlude.yaml': 'zzzzzzzz: 1' } },
    ['postlude.yaml:1: unknown setting zzzzzzzz'],
  ],
  [
    'a misspelt setting',
    { files: { 'postlude.yaml': 'pol: 1s' } },
    ['postlude.yaml:1: unknown setting pol (did you mean poll?)'],
  ],
  [
    'a secret as a flag',
    { flags: { tokenSecrets: SECRET } },
    ['--tokenSecrets: unknown flag (did you mean token-secrets-file?)'],
  ],
  [
    'a structure as a variable',
    { env: { POSTLUDE_REALMS: 'x' } },
    ['POSTLUDE_REALMS: unknown variable (did you mean POSTLUDE_REALMS_FILE?)'],
  ],
  [
    'a file that is a list',
    { files: { 'postlude.yaml': '- poll' } },
    ['postlude.yaml:1: must map settings to values'],
  ],
  [
    'keys within keys without end',
    { files: { 'postlude.yaml': `${'? '.repeat(10_000)}\n- }` } },
    ['postlude.yaml: nests too deeply'],
  ],
  [
    'an alias without an anchor',
    { files: { 'postlude.yaml': 'poll: 1s\nlease: *missing' } },
    ['postlude.yaml:2: Unresolved alias (the anchor must be set before the alias): missing'],
  ],
  [
    'aliases that become millions of values',
    { files: { 'postlude.yaml': BOMB_YAML } },
    ['postlude.yaml:1: Excessive alias count indicates a resource exhaustion attack'],
  ],
  ['an empty file', { files: { 'postlude.yaml': '' } }, []],
  ['a public address', { flags: { listen: '0.0.0.0:80' } }, [`--listen: ${OPEN}`]],
  [
    'a public address in a file',
    { files: { 'postlude.yaml': 'listen: 0.0.0.0:80' } },
    [`postlude.yaml:1: ${OPEN}`],
  ],
  [
    'an issuer without audiences',
    { flags: { oidcIssuer: 'https://a.b' } },
    ['--oidc-issuer: needs oidcAudiences as well'],
  ],
  [
    'audiences without an issuer',
    { env: { POSTLUDE_OIDC_AUDIENCES: 'p' } },
    ['POSTLUDE_OIDC_AUDIENCES: needs oidcIssuer as well'],
  ],
  ['an issuer without realms', { flags: FLAGS }, [`--oidc-issuer: ${NO_REALMS}`]],
  [
    'issuers without realms',
    { files: { 'postlude.yaml': 'oidc: [{issuer: https://a.b, audiences: [p]}]' } },
    [`postlude.yaml:1: ${NO_REALMS}`],
  ],
  [
    'an issuer that oidc has as well',
    { flags: FLAGS, files: { 'postlude.yaml': ISSUER_YAML } },
    ['--oidc-issuer: oidc has the issuer https://a.b as well'],
  ],
  [
    'realms without an issuer',
    { files: { 'postlude.yaml': 'realms: {"a:b": {admin: [anyone]}}' } },
    [`postlude.yaml:1: ${NO_ISSUER}`],
  ],
  [
    'a file of realms without an issuer',
    { flags: { realmsFile: 'r' }, files: { r: REALMS_YAML } },
    [`--realms-file: ${NO_ISSUER}`],
  ],
  [
    'realms that are given twice',
    { flags: { realmsFile: 'r' }, files: { r: REALMS_YAML, 'postlude.yaml': ISSUER_YAML } },
    ['--realms-file: the realms are given twice: realms is set as well'],
  ],
  [
    'realms in a file, each with a problem',
    {
      flags: { ...FLAGS, realmsFile: 'r' },
      files: { r: 'ci:main: {owner: [anyone]}\nmain: {admin: [anyone]}\n"a:b": {admin: [bob]}' },
    },
    [
      'r:1: no such role: owner (there are reader, writer, admin)',
      'r:2: main: is not a realm (project:realm, or project:@root)',
      `r:3: a:b: admin: bob is not a member ${MEMBERS}`,
    ],
  ],
  [
    'a file of realms that is a list',
    { flags: { ...FLAGS, realmsFile: 'r' }, files: { r: '- a' } },
    ['r:1: must map settings to values'],
  ],
  [
    'a short secret',
    { env: { POSTLUDE_TOKEN_SECRETS: 'short' } },
    ['POSTLUDE_TOKEN_SECRETS: has a secret shorter than 16 characters'],
  ],
  [
    'a short secret in a file of secrets',
    { flags: { tokenSecretsFile: 's' }, files: { s: `${SECRET}\nshort\n` } },
    ['--token-secrets-file: has a secret shorter than 16 characters'],
  ],
  [
    'a file without secrets',
    { flags: { tokenSecretsFile: 's' }, files: { s: '\n' } },
    ['--token-secrets-file: contains no secret'],
  ],
  [
    'secrets that are given twice',
    {
      flags: { tokenSecretsFile: 's' },
      env: { POSTLUDE_TOKEN_SECRETS: SECRET },
      files: { s: SECRET },
    },
    ['--token-secrets-file: the secrets are given twice: tokenSecrets is set as well'],
  ],
  [
    'Cloud Tasks without its place',
    { flags: { tqQueue: 'cloud-tasks', tqRegion: 'r' } },
    ['--tq-queue: needs tqProject, tqTargetHost as well'],
  ],
  [
    'Cloud Tasks on a public address without an account',
    {
      flags: {
        listen: '0.0.0.0:80',
        tqQueue: 'cloud-tasks',
        tqRegion: 'r',
        tqProject: 'p',
        tqTargetHost: 'h',
      },
      files: { 'postlude.yaml': ISSUER_YAML },
    },
    [`--tq-queue: ${OPEN_PUSHES}`],
  ],
  [
    'pushers without an audience',
    { flags: { tqPushers: 'a@b.c' } },
    ['--tq-pushers: needs tqPushAudience or tqTargetHost as well'],
  ],
  [
    'an account that pushes without an audience',
    { flags: { tqPushAs: 'a@b.c' } },
    ['--tq-push-as: needs tqPushAudience or tqTargetHost as well'],
  ],
  [
    'an invalid value that another check would need',
    { flags: { tqQueue: 'cloud-tasks', tqRegion: 'r', tqProject: 'p', tqTargetHost: 'a/b' } },
    [`--tq-target-host: ${HOST}`],
  ],
];

test.each(WHOLES)('reports %s', async (_what, given, problems) => {
  expect(await configProblems(given)).toEqual(problems);
});

test.each<[string, Record<string, string>, RegExp]>([
  ['config', { config: 'absent' }, /^absent: cannot be read: ENOENT/],
  ['realmsFile', { ...FLAGS, realmsFile: 'absent' }, /^--realms-file: cannot be read: ENOENT/],
  [
    'tokenSecretsFile',
    { tokenSecretsFile: 'absent' },
    /^--token-secrets-file: cannot be read: ENOENT/,
  ],
])('reports that the file of %s cannot be read', async (_what, flags, problem) => {
  expect(await configProblems({ flags })).toEqual([expect.stringMatching(problem)]);
});

test.skipIf(process.platform === 'win32')('a device is no configuration file', async () => {
  expect(await configProblems({ flags: { config: '/dev/zero' } })).toEqual([
    expect.stringContaining('cannot be read: it is not a regular file'),
  ]);
});

test('a problem never shows a secret', async () => {
  const secrets = {
    'postlude.yaml': 'tokenSecrets: [hush, [hush-hush], 1]\ntokenSecretsFile: s',
    s: 'hush',
  };
  const problems = [
    ...(await configProblems({ files: secrets })),
    ...(await configProblems({ env: { POSTLUDE_TOKEN_SECRETS: 'hush, ,hush' } })),
    ...(await configProblems({ flags: { tokenSecrets: 'hush' } })),
  ];
  expect(problems.length).toBeGreaterThan(2);
  expect(problems.join()).not.toContain('hush');
});
