import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadedModules } from '../../../test/support/cli/loaded-modules.ts';

const MAIN = join(import.meta.dirname, '../main.ts');
const FIXTURES = '../../../test/fixtures/reports';
const REPORT = join(import.meta.dirname, FIXTURES, 'mocha/outcomes/junit.xml');

describe('the command', () => {
  test('loads next to nothing to tell its version', () => {
    expect(loadedModules(MAIN, ['--version']).length).toBeLessThanOrEqual(5);
  });

  test('loads only what reads reports to inspect one', () => {
    const modules = loadedModules(MAIN, ['inspect', REPORT]);
    expect(modules.length).toBeLessThanOrEqual(110);
    // The names of the variables of clients stand beside those of servers.
    const others =
      /src\/(server\/(?!config\/client-variables)|services\/|exporter\/|finalizer\/)|connectrpc|protobuf|node_modules\/pg/;
    expect(modules.filter((url) => others.test(url))).toEqual([]);
  });
});
