import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { configProblems, loadTestConfig } from '../../../test/support/server/test-config.ts';
import { exposureOf, readText } from './config-file.ts';

const SECRET = 'a-secret-of-enough-letters';
const [OURS, ROOT] = [1000, 0];

test.each([
  [0o600, OURS, true],
  [0o400, OURS, true],
  [0o640, OURS, false],
  [0o644, OURS, false],
  [0o620, OURS, false],
  [0o602, OURS, false],
  [0o444, ROOT, false],
  [0o644, ROOT, false],
  [0o660, ROOT, false],
  [0o440, ROOT, true], // a volume of Kubernetes with fsGroup
  [0o640, ROOT, true],
])('a file of mode %o that the user %i owns is private: %j', (mode, uid, isPrivate) => {
  const reason = exposureOf('/etc/secrets', { mode: 0o100000 | mode, uid });
  expect(reason === undefined).toBe(isPrivate);
});

test('secrets in a file that others can read are refused, with what to do', async () => {
  const flags = { tokenSecretsFile: 's' };
  const [problem] = await configProblems({ flags, files: { s: SECRET }, mode: 0o644 });
  expect(problem).toMatch(
    /^--token-secrets-file: other users can open \S+s \(mode 0644\): run chmod 600 \S+s, or mount/,
  );
  expect(await configProblems({ flags, files: { s: SECRET }, mode: 0o600 })).toEqual([]);
});

test.each([
  ['secrets of update tokens', `tokenSecrets: [${SECRET}]`, 'tokenSecrets'],
  ['a password of the database', 'database: postgres://me:hunter2@db/x', 'database'],
  ['a password in a parameter', 'database: postgres://db/x?user=me&password=hunter2', 'database'],
])('a configuration file with %s must be private, too', async (_what, text, key) => {
  const problems = await configProblems({ files: { 'postlude.yaml': text }, mode: 0o644 });
  expect(problems).toEqual([
    expect.stringContaining(`postlude.yaml:1: ${key} holds a secret, and other users can open`),
  ]);
  expect(problems.join()).not.toMatch(/hunter2|a-secret/);
});

test('a configuration file without secrets may be open to everybody', async () => {
  const files = { 'postlude.yaml': 'database: postgres://me@db/x' };
  const { config } = await loadTestConfig({ files, mode: 0o644 });
  expect(config.database).toMatchObject({ kind: 'postgres' });
});

test('the mode that counts is that of the file that links lead to', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-mount-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [file, link] = [join(folder, '..data'), join(folder, 'secrets')];
  await writeFile(file, SECRET, { mode: 0o600 });
  await symlink(file, link); // the link itself has the mode 0777
  expect(await readText(link, 'x', [])).toEqual({ text: SECRET, exposure: undefined });
});

test('a file that is far too large is not read, and the problem says what to do', async () => {
  const text = `# ${'x'.repeat(1024 ** 2)}\n`;
  expect(await configProblems({ files: { 'postlude.yaml': text } })).toEqual([
    expect.stringMatching(/it has 1048579 bytes, and each file may have 1048576: move the realms/),
  ]);
});

test('a key that its map already has is a problem, at any depth', async () => {
  const text = 'realms:\n  ci:main: { reader: [anyone] }\n  ci:main: { writer: [anyone] }\n';
  expect(await configProblems({ files: { 'postlude.yaml': text } })).toEqual([
    'postlude.yaml:3: Map keys must be unique',
  ]);
});

test('of very many problems, a hundred are told', async () => {
  const text = Array.from({ length: 150 }, (_, index) => `x${index}: 1`).join('\n');
  const problems = await configProblems({ files: { 'postlude.yaml': text } });
  expect([problems.length, problems.at(-1)]).toEqual([101, 'and 50 more']);
});
