/**
 * Finds the value of each setting, and its source: a flag, the environment, or a configuration file.
 * Names of unknown settings are problems, so that a misspelt setting never silently becomes a default.
 */
import { basename, dirname, resolve } from 'node:path';
import { CLIENT_VARIABLES } from './client-variables.ts';
import { readConfigFile } from './config-file.ts';
import { didYouMean, nearestName } from './nearest-name.ts';
import {
  comesFrom,
  environmentName,
  flagName,
  SETTING_NAMES,
  type SettingName,
} from './settings.ts';

export interface ConfigInput {
  /** By the names of settings (`exportDir`), and `config`: the path of a configuration file. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder that relative paths in flags and in the environment are resolved against. */
  readonly cwd: string;
}

/** An unparsed value and its source. */
export interface Written {
  readonly value: unknown;
  readonly source: string;
  /** The folder that relative paths in it are resolved against. */
  readonly folder: string;
}

export type WrittenSettings = ReadonlyMap<SettingName, Written>;

const CONFIG_VARIABLE = 'POSTLUDE_CONFIG';

const OF_CLIENTS = new Set<string>(Object.values(CLIENT_VARIABLES));

/** Returns the value given for each setting. The source with the highest priority wins. */
export async function collectSettings(
  input: ConfigInput,
  problems: string[],
): Promise<WrittenSettings> {
  return new Map([
    ...(await fromFile(input, problems)),
    ...fromEnvironment(input, problems),
    ...fromFlags(input, problems),
  ]);
}

function fromFlags(input: ConfigInput, problems: string[]): Map<SettingName, Written> {
  const names = SETTING_NAMES.filter((name) => comesFrom(name, 'flag'));
  const found = new Map<SettingName, Written>();
  for (const [key, value] of Object.entries(input.flags)) {
    if (value === undefined || key === 'config') continue;
    const name = names.find((candidate) => candidate === key);
    if (name) found.set(name, { value, source: `--${flagName(name)}`, folder: input.cwd });
    else problems.push(`--${key}: unknown flag${didYouMean(key, names.map(flagName))}`);
  }
  return found;
}

/** A variable whose name is close to that of a setting counts as misspelt; others are ignored. */
function fromEnvironment(input: ConfigInput, problems: string[]): Map<SettingName, Written> {
  const names = SETTING_NAMES.filter((name) => comesFrom(name, 'env'));
  const variables = new Map(names.map((name) => [environmentName(name), name]));
  const found = new Map<SettingName, Written>();
  for (const [variable, value] of Object.entries(input.env)) {
    if (value === undefined || value === '' || variable === CONFIG_VARIABLE) continue;
    const name = variables.get(variable);
    if (name) found.set(name, { value, source: variable, folder: input.cwd });
    else if (variable.startsWith('POSTLUDE_') && !OF_CLIENTS.has(variable)) {
      const nearest = nearestName(variable, variables.keys());
      if (nearest) problems.push(`${variable}: unknown variable (did you mean ${nearest}?)`);
    }
  }
  return found;
}

async function fromFile(
  input: ConfigInput,
  problems: string[],
): Promise<Map<SettingName, Written>> {
  const given = input.flags.config ?? input.env[CONFIG_VARIABLE];
  if (given === undefined || given === '') return new Map();
  const file = resolve(input.cwd, given);
  const read = await readConfigFile(file, basename(given));
  if ('problems' in read) {
    problems.push(...read.problems);
    return new Map();
  }
  const names = SETTING_NAMES.filter((name) => comesFrom(name, 'file'));
  const found = new Map<SettingName, Written>();
  for (const { key, value, source } of read.entries) {
    const name = names.find((candidate) => candidate === key);
    if (name) found.set(name, { value, source, folder: dirname(file) });
    else problems.push(`${source}: unknown setting ${key}${didYouMean(key, names)}`);
  }
  return found;
}
