/**
 * What is written for each setting, and where: in flags, in the environment, in a configuration
 * file. Names that no setting has are problems, so that a slip of the pen is never silently a
 * default.
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
  /** What relative paths in flags and environment are relative to. */
  readonly cwd: string;
}

/** A value as it was written, and where. */
export interface Written {
  readonly value: unknown;
  readonly source: string;
  /** What relative paths in it are relative to. */
  readonly folder: string;
}

export type WrittenSettings = ReadonlyMap<SettingName, Written>;

const CONFIG_VARIABLE = 'POSTLUDE_CONFIG';

const OF_CLIENTS = new Set<string>(Object.values(CLIENT_VARIABLES));

/** What is written for each setting; the strongest source wins. */
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

/** Variables that are close to a setting's are taken for mistyped; others belong to others. */
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
