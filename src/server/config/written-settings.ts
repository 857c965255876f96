/**
 * Finds the value of each setting, and its source: a flag, the environment, or a configuration file.
 * Names of unknown settings are problems, so that a misspelt setting never silently becomes a default.
 */
import { basename, dirname, resolve } from 'node:path';
import { CLIENT_VARIABLES } from './client-variables.ts';
import { readConfigFile } from './config-file.ts';
import { didYouMean } from './nearest-name.ts';
import {
  CONFIG_VARIABLE,
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
  /** `--workers`, `POSTLUDE_WORKERS` or `postlude.yaml:3`. */
  readonly source: string;
  readonly isInFile?: true;
  /** The folder that relative paths in it are resolved against. */
  readonly folder: string;
}

/** The values that were given for settings, and the problems that were found so far. */
export class WrittenSettings extends Map<SettingName, Written> {
  readonly problems: string[] = [];

  /** Reports a problem with the first of these settings that was given, or with the first of all. */
  report([first, ...others]: readonly [SettingName, ...SettingName[]], problem: string): void {
    const name = [first, ...others].find((each) => this.has(each)) ?? first;
    this.problems.push(`${this.sourceOf(name)}: ${problem}`);
  }

  sourceOf(name: SettingName): string {
    return this.get(name)?.source ?? name;
  }

  hasAny(...names: readonly SettingName[]): boolean {
    return names.some((name) => this.has(name));
  }
}

const OTHER_VARIABLES = new Set<string>([CONFIG_VARIABLE, ...Object.values(CLIENT_VARIABLES)]);

/** Returns the value given for each setting. The source with the highest priority wins. */
export async function collectSettings(input: ConfigInput): Promise<WrittenSettings> {
  const written = new WrittenSettings();
  await addFile(written, input);
  addVariables(written, input);
  addFlags(written, input);
  return written;
}

function addFlags(written: WrittenSettings, { flags, cwd }: ConfigInput): void {
  const names = SETTING_NAMES.filter((name) => comesFrom(name, 'flag'));
  for (const [key, value] of Object.entries(flags)) {
    if (value === undefined || key === 'config') continue;
    const name = names.find((candidate) => candidate === key);
    if (name) written.set(name, { value, source: `--${flagName(name)}`, folder: cwd });
    else written.problems.push(`--${key}: unknown flag${didYouMean(key, names.map(flagName))}`);
  }
}

/** A variable whose name is close to that of a setting counts as misspelt; others are ignored. */
function addVariables(written: WrittenSettings, { env, cwd }: ConfigInput): void {
  const names = SETTING_NAMES.filter((name) => comesFrom(name, 'env'));
  for (const [source, value] of Object.entries(env)) {
    if (!value || !source.startsWith('POSTLUDE_') || OTHER_VARIABLES.has(source)) continue;
    const name = names.find((candidate) => environmentName(candidate) === source);
    const hint = name ? '' : didYouMean(source, names.map(environmentName));
    if (name) written.set(name, { value, source, folder: cwd });
    else if (hint) written.problems.push(`${source}: unknown variable${hint}`);
  }
}

async function addFile(written: WrittenSettings, { flags, env, cwd }: ConfigInput): Promise<void> {
  const path = flags.config ?? env[CONFIG_VARIABLE];
  if (!path) return;
  const file = resolve(cwd, path);
  const names = SETTING_NAMES.filter((name) => comesFrom(name, 'file'));
  const { entries, exposure } = await readConfigFile(file, basename(path), written.problems);
  for (const { key, value, source } of entries) {
    const name = names.find((candidate) => candidate === key);
    if (name) written.set(name, { value, source, isInFile: true, folder: dirname(file) });
    else written.problems.push(`${source}: unknown setting ${key}${didYouMean(key, names)}`);
    if (exposure && holdsSecret(key, value)) {
      written.problems.push(`${source}: ${key} holds a secret, and ${exposure}`);
    }
  }
}

/** True for secrets of update tokens, and for the address of a database with a password in it. */
function holdsSecret(key: string, value: unknown): boolean {
  if (key === 'tokenSecrets') return true;
  const url = key === 'database' && typeof value === 'string' ? URL.parse(value) : null;
  return url !== null && (url.password !== '' || url.searchParams.has('password'));
}
