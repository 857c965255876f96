import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const MAIN = join(import.meta.dirname, '../main.ts');
const FIXTURES = '../../../test/fixtures/reports';
const REPORT = join(import.meta.dirname, FIXTURES, 'mocha/outcomes/junit.xml');

/** Prints the modules that a process has loaded when it ends. */
const LIST_MODULES = `
  import { registerHooks } from 'node:module';
  const loaded = [];
  registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
  process.on('exit', () => process.stderr.write(JSON.stringify(loaded)));`;

function modulesOf(...args: readonly string[]): string[] {
  const hooks = `data:text/javascript,${encodeURIComponent(LIST_MODULES)}`;
  const { stderr, status } = spawnSync(process.execPath, ['--import', hooks, MAIN, ...args], {
    encoding: 'utf8',
  });
  expect(status).toBe(0);
  const urls = JSON.parse(stderr.slice(stderr.indexOf('["'))) as string[];
  return urls.filter((url) => url.startsWith('file:') && url !== `file://${MAIN}`);
}

describe('the command', () => {
  test('loads next to nothing to tell its version', () => {
    expect(modulesOf('--version').length).toBeLessThanOrEqual(5);
  });

  test('loads only what reads reports to inspect one', () => {
    const modules = modulesOf('inspect', REPORT);
    expect(modules.length).toBeLessThanOrEqual(110);
    // The names of the variables of clients stand beside those of servers.
    const others =
      /src\/(server\/(?!config\/client-variables)|services\/|exporter\/|finalizer\/)|connectrpc|protobuf|node_modules\/pg/;
    expect(modules.filter((url) => others.test(url))).toEqual([]);
  });
});
