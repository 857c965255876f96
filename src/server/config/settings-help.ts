/** Renders the table of settings as Markdown, for docs/configuration.md. */
import { SETTING_NAMES, SETTINGS, type SettingName } from './settings.ts';

/** Returns the table of settings, with a section for each group. */
export function settingsMarkdown(): string {
  const groups = Map.groupBy(SETTING_NAMES, (name) => SETTINGS[name].traits.group);
  return [...groups]
    .map(([group, names]) =>
      [
        `### ${group}\n`,
        '| setting | takes | default | what it is |',
        '|---|---|---|---|',
        ...names.map(tableRow),
      ].join('\n'),
    )
    .join('\n\n');
}

function tableRow(name: SettingName): string {
  const { takes, description, defaultInWords = 'none', sources, ...traits } = SETTINGS[name].traits;
  const byDefault = traits.default === undefined ? defaultInWords : `\`${traits.default}\``;
  const places = { flag: 'flag', env: 'environment', file: 'file' };
  const only = sources ? ` (Only in: ${sources.map((source) => places[source]).join(', ')}.)` : '';
  return `| \`${name}\` | \`${takes.replaceAll('|', '\\|')}\` | ${byDefault} | ${description}${only} |`;
}
