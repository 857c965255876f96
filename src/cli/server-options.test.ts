import { Command } from 'commander';
import { expect, test } from 'vitest';
import { openCliContext } from '../../test/support/cli/cli-world.ts';
import { addServerOptions, configOf, settingOptions } from './server-options.ts';

test('a flag with several values takes them together, or can be repeated', async () => {
  const command = addServerOptions(new Command());
  await command.parseAsync(['--enable-experiment', 'a,b', '--enable-experiment', 'c'], {
    from: 'user',
  });
  const { experiments } = await configOf(openCliContext(), command);
  expect(experiments).toEqual(['a', 'b', 'c']);
});

test('a default and the environment do not count as flags', async () => {
  const command = addServerOptions(new Command());
  await command.parseAsync([], { from: 'user' });
  const context = { ...openCliContext(), env: { POSTLUDE_WORKERS: '3' } };
  expect(await configOf(context, command)).toMatchObject({ workers: 3, leaseMs: 30_000 });
});

test('help has one entry a flag in the group of its setting, with its variable and its default', () => {
  const help = addServerOptions(new Command()).configureHelp({ helpWidth: 200 }).helpInformation();
  const groups = help.split('\n\n').map((group) => group.replaceAll(/ {2,}/g, '  '));
  const [settings, network, database] = ['Settings:', 'Network:', 'Database:'].map((title) =>
    groups.find((group) => group.startsWith(title)),
  );
  expect(settings).toContain(
    '  --config <path>  a configuration file, YAML or JSON (env: POSTLUDE_CONFIG)',
  );
  expect(network).toContain(
    '  --listen <host:port>  where to listen (default: 127.0.0.1:8010, env: POSTLUDE_LISTEN)',
  );
  expect(database).toContain(
    '  --database <value>  where the data is stored: pglite:PATH | memory: | postgres://… | spanner://… (default: pglite:.postlude/data, env: POSTLUDE_DATABASE)',
  );
  expect(database).toContain(
    '  --auto-migrate <value>  whether to migrate the database at the start: true | false (default: true without authentication, else false, env: POSTLUDE_AUTO_MIGRATE)',
  );
});

test('there are no flags for secrets and structures', () => {
  const names = settingOptions().map((option) => option.attributeName());
  expect(names).toContain('exportDir');
  expect(names).not.toContain('tokenSecrets');
  expect(names).not.toContain('realms');
});
