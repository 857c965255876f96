/** Makes options of commands from the table of the server's settings. */
import { type Command, Option } from 'commander';
import type { Config } from '../server/config/config.ts';
import {
  CONFIG_VARIABLE,
  comesFrom,
  environmentName,
  flagName,
  SETTING_NAMES,
  SETTINGS,
  type SettingName,
} from '../server/config/settings.ts';
import type { CliContext } from './context.ts';

export function addServerOptions(command: Command): Command {
  const config = new Option('--config <path>', 'a configuration file, YAML or JSON');
  command.addOption(config.env(CONFIG_VARIABLE).helpGroup('Settings:'));
  for (const option of settingOptions()) command.addOption(option);
  return command;
}

/** Returns an option for each setting that a flag may give, in the order of the table. */
export function settingOptions(): readonly Option[] {
  return SETTING_NAMES.filter((name) => comesFrom(name, 'flag')).map(settingOption);
}

function settingOption(name: SettingName): Option {
  const { takes, description, group, isList, ...traits } = SETTINGS[name].traits;
  const isPlaceholder = /^[\w:]+$/.test(takes); // Commander accepts only one word.
  const option = new Option(
    `--${flagName(name)} <${isPlaceholder ? takes : 'value'}>`,
    lead(description ?? '') + (isPlaceholder ? '' : `: ${takes}`),
  );
  const byDefault = traits.default ?? traits.defaultInWords;
  if (byDefault !== undefined) option.default(byDefault, byDefault);
  if (isList) option.argParser(withCommas);
  return option.env(environmentName(name)).helpGroup(`${group}:`);
}

function withCommas(value: string, before: string | undefined): string {
  return before === undefined ? value : `${before},${value}`;
}

/** Returns the first sentence without its full stop and in lower case, as lines of help begin. */
function lead(description: string): string {
  const [sentence = ''] = description.split(/\.(?: |$)/);
  return sentence.replace(/^[A-Z](?=[a-z ])/, (letter) => letter.toLowerCase());
}

/** Loads the configuration. Throws one `invalid-argument` error that lists all its problems. */
export async function configOf(context: CliContext, command: Command): Promise<Config> {
  const { loadConfig } = await import('../server/config/config.ts');
  const names = ['config', ...SETTING_NAMES];
  // Commander also reads the environment of the process, but it knows no file and stops at the first problem.
  // So only what was given as a flag is taken from it.
  const given = names.filter((name) => command.getOptionValueSource(name) === 'cli');
  const flags = Object.fromEntries(given.map((name) => [name, command.getOptionValue(name)]));
  return loadConfig({ flags, env: context.env, cwd: context.cwd });
}
