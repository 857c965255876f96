/** Makes options of commands from the table of the server's settings. */
import type { Command } from 'commander';
import type { Config } from '../server/config/config.ts';
import { serverFlags } from '../server/config/settings-help.ts';
import type { CliContext } from './context.ts';

export function addServerOptions(command: Command): Command {
  for (const { flags, description, isList } of serverFlags()) {
    if (isList) command.option(flags, description, withCommas);
    else command.option(flags, description);
  }
  return command;
}

function withCommas(value: string, before: string | undefined): string {
  return before === undefined ? value : `${before},${value}`;
}

/** Loads the configuration. Throws one `invalid-argument` error that lists all its problems. */
export async function configOf(context: CliContext, command: Command): Promise<Config> {
  const { loadConfig } = await import('../server/config/config.ts');
  const given = command.opts<Record<string, string | undefined>>();
  const names = new Set<string>(serverFlags().map(({ name }) => name));
  const flags = Object.fromEntries(Object.entries(given).filter(([name]) => names.has(name)));
  return loadConfig({ flags, env: context.env, cwd: context.cwd });
}
