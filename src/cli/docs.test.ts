import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { openCliContext } from '../../test/support/cli/cli-world.ts';

import { loadAllCommands } from './command-loaders.ts';
import { buildProgram } from './program.ts';
import { settingOptions } from './server-options.ts';

const PAGE = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
const FOR_ALL = ['--server', '--timeout', '--retry-for', '--audience', '--json', '--quiet'];
const SETTINGS = ['--config', ...settingOptions().map(({ long }) => long)];
const program = buildProgram(openCliContext(), await loadAllCommands(), () => undefined);

/** Returns the long names of the options in the table of a section. */
function documented(section: string): string[] {
  const [, rest = ''] = PAGE.split(`\n### ${section}\n`);
  const [body = ''] = rest.split(/\n##/);
  const rows = body.split('\n').filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) => /--[a-z-]+/.exec(row.split('|')[1] ?? '') ?? []).sort();
}

/** Returns the options of a command and its subcommands, without the global and the server's options. */
function options(command: Command): string[] {
  const own = [command, ...command.commands].flatMap((one) => one.options);
  const names = new Set(own.map(({ long }) => long ?? ''));
  return [...names].filter((name) => ![...FOR_ALL, ...SETTINGS].includes(name)).sort();
}

describe('docs/cli.md', () => {
  test.each(program.commands.map((command) => [command.name(), command] as const))(
    'has the options of %s, and no others',
    (name, command) => {
      expect(PAGE).toContain(`\n### ${name}\n`);
      expect(documented(name)).toEqual(options(command));
    },
  );

  test('has no command that does not exist', () => {
    const sections = [...PAGE.matchAll(/^### ([a-z]+)$/gm)].map(([, name]) => name);
    expect(sections.sort()).toEqual(program.commands.map((command) => command.name()).sort());
  });
});
