/** Renders the table of settings: flags for `--help`, and Markdown for docs/configuration.md. */
import {
  comesFrom,
  environmentName,
  flagName,
  SETTING_NAMES,
  SETTINGS,
  type Setting,
  type SettingName,
} from './settings.ts';

export interface FlagHelp {
  /** The key in `ConfigInput.flags`. */
  readonly name: SettingName | 'config';
  /** `--export-dir <path>`. */
  readonly flags: string;
  readonly description: string;
  /** Whether the flag may be repeated. Several values become one text, separated by commas. */
  readonly isList: boolean;
}

const CONFIG_FLAG: FlagHelp = {
  name: 'config',
  flags: '--config <path>',
  description: 'a configuration file, YAML or JSON ($POSTLUDE_CONFIG)',
  isList: false,
};

/** Returns the flags of a command that starts a server, in the order of the table. */
export function serverFlags(): readonly FlagHelp[] {
  const settings = SETTING_NAMES.filter((name) => comesFrom(name, 'flag')).map((name) => ({
    name,
    flags: `--${flagName(name)} <${placeholder(name)}>`,
    description: `${lead(SETTINGS[name])}${choices(name)} ($${environmentName(name)}${defaultSuffix(name)})`,
    isList: isList(name),
  }));
  return [CONFIG_FLAG, ...settings];
}

/** Returns the table of settings, with a section for each group. */
export function settingsMarkdown(): string {
  const groups = [...new Set(SETTING_NAMES.map((name) => SETTINGS[name].group))];
  return groups.map((group) => `### ${group}\n\n${groupTable(group)}`).join('\n\n');
}

function groupTable(group: string): string {
  const rows = SETTING_NAMES.filter((name) => SETTINGS[name].group === group).map(tableRow);
  return ['| setting | takes | default | what it is |', '|---|---|---|---|', ...rows].join('\n');
}

function tableRow(name: SettingName): string {
  const setting: Setting<unknown> = SETTINGS[name];
  const takes = `\`${setting.takes.replaceAll('|', '\\|')}\``;
  const byDefault =
    setting.default === undefined ? (setting.defaultInWords ?? 'none') : `\`${setting.default}\``;
  return `| \`${name}\` | ${takes} | ${byDefault} | ${setting.description}${sourcesNote(name)} |`;
}

function sourcesNote(name: SettingName): string {
  const { sources }: Setting<unknown> = SETTINGS[name];
  if (!sources) return '';
  const places = { flag: 'flag', env: 'environment', file: 'file' };
  return ` (Only in: ${sources.map((source) => places[source]).join(', ')}.)`;
}

function defaultSuffix(name: SettingName): string {
  const setting: Setting<unknown> = SETTINGS[name];
  const byDefault = setting.default ?? setting.defaultInWords;
  return byDefault === undefined ? '' : `; ${byDefault}`;
}

/** Returns the first sentence without its full stop and in lower case, as lines of help begin. */
function lead({ description }: { readonly description: string }): string {
  const [sentence = ''] = description.split(/\.(?: |$)/);
  return /^[A-Z][a-z ]/.test(sentence)
    ? sentence.charAt(0).toLowerCase() + sentence.slice(1)
    : sentence;
}

function isList(name: SettingName): boolean {
  const { isList }: Setting<unknown> = SETTINGS[name];
  return isList ?? false;
}

/** Commander accepts only one word as a placeholder. */
function placeholder(name: SettingName): string {
  const { takes } = SETTINGS[name];
  return isOneWord(takes) ? takes : 'value';
}

/** Returns the choices that do not fit into a placeholder. */
function choices(name: SettingName): string {
  const { takes } = SETTINGS[name];
  return isOneWord(takes) ? '' : `: ${takes}`;
}

function isOneWord(text: string): boolean {
  return /^[\w:]+$/.test(text);
}
