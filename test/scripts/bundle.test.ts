import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleCli } from '../../scripts/bundle/bundle-cli.ts';
import { loadedModules } from '../support/cli/loaded-modules.ts';

const ROOT = join(import.meta.dirname, '../..');
const REPORT = join(ROOT, 'test/fixtures/reports/mocha/outcomes/junit.xml');
/** It is as deep as dist/, since packages are found and paths are made from there. */
let place: string;
let bundle: string;

beforeAll(async () => {
  place = mkdtempSync(join(ROOT, 'node_modules', '.bundle-'));
  bundle = join(place, 'cli');
  await bundleCli(bundle);
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

function run(...args: readonly string[]) {
  return spawnSync(process.execPath, [join(bundle, 'main.js'), ...args], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
}

describe('the bundled command', () => {
  test.each([
    [5, ['--version']],
    [18, ['inspect', REPORT]],
    [50, ['upload', '--help']],
    [50, ['record', '--help']],
    [45, ['status', '--help']],
  ])('loads at most %i modules for %j, all of them its own', (most, args) => {
    const modules = loadedModules(join(bundle, 'main.js'), args);
    expect(modules.length).toBeLessThanOrEqual(most);
    expect(modules.filter((url) => !url.startsWith(`file://${bundle}/`))).toEqual([]);
  });

  test('tells its version, and knows all commands', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      readonly version: string;
    };
    expect(run('--version').stdout).toBe(`${version}\n`);
    expect(run('--help')).toMatchObject({ status: 0, stderr: '' });
  });

  test('maps its lines to sources, whose text it does not repeat', () => {
    const maps = readdirSync(bundle).filter((name) => name.endsWith('.map'));
    const sources = maps.flatMap((name) => {
      const map = JSON.parse(readFileSync(join(bundle, name), 'utf8')) as {
        readonly sources: readonly string[];
        readonly sourcesContent?: readonly unknown[];
      };
      expect(map.sourcesContent ?? []).toEqual([]);
      return map.sources.map((source) => resolve(dirname(join(bundle, name)), source));
    });
    expect(sources).toContain(join(ROOT, 'src/cli/program.ts'));
    expect(sources.filter((source) => !existsSync(source))).toEqual([]);
  });

  test('passes on the licenses of what it contains', () => {
    const licenses = readFileSync(join(bundle, 'LICENSES.txt'), 'utf8');
    for (const name of ['@bufbuild/protobuf', 'commander', 'saxes', 'xmlchars']) {
      expect(licenses).toMatch(new RegExp(`^${name} [0-9.]+: `, 'm'));
    }
  });
});
