import { Command } from 'commander';
import { expect, test } from 'vitest';
import { openCliContext } from '../../test/support/cli/cli-world.ts';
import { addServerOptions, configOf } from './server-options.ts';

test('a flag of several values takes them together, or is given again', async () => {
  const command = addServerOptions(new Command());
  await command.parseAsync(['--enable-experiment', 'a,b', '--enable-experiment', 'c'], {
    from: 'user',
  });
  const { experiments } = await configOf(openCliContext(), command);
  expect(experiments).toEqual(['a', 'b', 'c']);
});
