import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { installCommand, isInstalled, loadOptional } from './optional-package.ts';

const NONE = { name: '@postlude/none', for: 'this test' };

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Where the package is, in a folder that is a project or not. */
const inModulesOf = (folder: string): string =>
  join(folder, 'node_modules', '@postlude', 'postlude', '/');

describe('a package', () => {
  test('that is missing is named, with the command that installs it', async () => {
    const name: string = NONE.name;
    const loaded = loadOptional(NONE, () => import(name));
    await expect(loaded).rejects.toMatchObject({
      code: 'failed-precondition',
      message: `this test needs the package ${name}, which is not installed: npm install ${name}`,
    });
    expect(isInstalled(name, import.meta.url)).toBe(false);
  });

  test('that is installed and cannot be loaded is not reported as missing', async () => {
    const cause = new Error('GLIBC_2.38 not found');
    const loaded = loadOptional(NONE, () => Promise.reject(cause));
    await expect(loaded).rejects.toMatchObject({
      code: 'failed-precondition',
      message:
        'this test needs the package @postlude/none, which cannot be loaded: GLIBC_2.38 not found',
      cause,
    });
  });

  test('that is installed is loaded', async () => {
    const saxes = await loadOptional({ ...NONE, name: 'saxes' }, () => import('saxes'));
    expect(saxes).toHaveProperty('SaxesParser');
    expect(isInstalled('saxes', import.meta.url)).toBe(true);
  });
});

describe('the command that installs it', () => {
  test('names the version', () => {
    expect(installCommand({ name: 'pg', version: '8.23.1' })).toBe('npm install pg@8.23.1');
  });

  test('is for the project that has this package', async () => {
    const project = await makeFolder();
    await writeFile(join(project, 'package.json'), '{}');
    expect(installCommand({ name: 'pg' }, inModulesOf(project))).toBe('npm install pg');
  });

  test('is global if this package is', async () => {
    expect(installCommand({ name: 'pg' }, inModulesOf(await makeFolder()))).toBe(
      'npm install --global pg',
    );
  });

  test('is another call of npx if npx fetched this package', async () => {
    const fetched = join(await makeFolder(), '_npx', '9e05dd133e4a1b9f');
    await mkdir(fetched, { recursive: true });
    await writeFile(
      join(fetched, 'package.json'),
      '{ "dependencies": { "@postlude/postlude": "^0.1.0" } }',
    );
    expect(installCommand({ name: 'pg' }, inModulesOf(fetched))).toBe(
      'npx -y -p @postlude/postlude -p pg …',
    );
  });
});
