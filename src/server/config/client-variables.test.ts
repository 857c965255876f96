import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openCliContext, openCliWithServer } from '../../../test/support/cli/cli-world.ts';
import { runCli } from '../../cli/program.ts';
import { CLIENT_VARIABLES } from './client-variables.ts';
import { loadConfig } from './config.ts';
import { comesFrom, environmentName, SETTING_NAMES } from './settings.ts';

const CLIENTS = Object.values(CLIENT_VARIABLES);
const SETTINGS = SETTING_NAMES.filter((name) => comesFrom(name, 'env')).map(environmentName);

/** The variables of ours that a page names. */
function namedIn(page: string): string[] {
  const text = readFileSync(new URL(`../../../docs/${page}`, import.meta.url), 'utf8');
  return [...new Set(text.match(/\bPOSTLUDE_[A-Z_]*[A-Z]\b/g))].sort();
}

/** What the reader of settings finds wrong with an environment. */
function problemsOf(env: Readonly<Record<string, string>>): Promise<string> {
  const loaded = loadConfig({ flags: {}, env, cwd: '/' });
  return loaded.then(
    () => '',
    (error: Error) => error.message,
  );
}

describe.each(['cli.md', 'configuration.md', 'ci.md'])('docs/%s', (page) => {
  test('names variables of ours', () => {
    expect(namedIn(page).length).toBeGreaterThan(1);
  });

  test.each(namedIn(page))('%s is one that a server or a client reads', async (variable) => {
    expect([...CLIENTS, ...SETTINGS, 'POSTLUDE_CONFIG']).toContain(variable);
    expect(await problemsOf({ [variable]: 'x' })).not.toContain('unknown variable');
  });
});

test('docs/cli.md has the variables of clients, all of them', () => {
  expect(namedIn('cli.md')).toEqual([...CLIENTS].sort());
});

test('a server starts with the variables of clients in its environment', async () => {
  const env = Object.fromEntries(CLIENTS.map((variable) => [variable, '30s']));
  expect(await problemsOf(env)).toBe('');
});

test('clients read their variables, and are not disturbed by those of the server', async () => {
  const { url, cwd } = await openCliWithServer();
  const values: Readonly<Record<string, string>> = {
    ...Object.fromEntries(SETTINGS.map((variable) => [variable, 'none of the client’s business'])),
    POSTLUDE_SERVER: url,
    POSTLUDE_TIMEOUT: '30s',
    POSTLUDE_REALM: 'local:variables',
    POSTLUDE_SPOOL: 'nothing-there',
    POSTLUDE_INVOCATION: 'told',
    POSTLUDE_UPDATE_TOKEN: 'not a token',
  };
  const read = new Set<string>();
  const env = new Proxy(values, {
    get: (target, name: string) => {
      read.add(name);
      return target[name];
    },
  });
  const run = (...argv: string[]) => runCli(argv, { ...openCliContext(), cwd, env });
  expect(await run('create', 'told')).toBe(0);
  expect(await run('flush')).toBe(0);
  expect(await run('include', 'told', 'told')).not.toBe(0); // by a token that is none
  expect([...read].filter((name) => name.startsWith('POSTLUDE_')).sort()).toEqual(CLIENTS.sort());
});
