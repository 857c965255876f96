/** Checks that the settings and options that the documents name exist. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, onTestFinished, test } from 'vitest';
import { blocksOf, type Page, readPages, spansOf } from '../../scripts/docs/markdown.ts';
import { loadAllCommands } from '../../src/cli/command-loaders.ts';
import { buildProgram } from '../../src/cli/program.ts';
import { loadConfig } from '../../src/server/config/config.ts';
import { SETTING_NAMES } from '../../src/server/config/settings.ts';
import { openCliContext } from '../support/cli/cli-world.ts';

/** The pages that name only options of servers and commands; others name those of test runners and of code. */
const OF_SERVERS = ['README.md', ...['cli', 'configuration', 'operations', 'ci'].map(pathOf)];
/** Options of all commands, and of npm. */
const ALWAYS = ['-h', '--help', '--version', '--json'];

const program = buildProgram(openCliContext(), await loadAllCommands(), () => undefined);
const options = new Set([...ALWAYS, ...optionsOf(program)]);

function pathOf(name: string): string {
  return `docs/${name}.md`;
}

function optionsOf(command: Command): string[] {
  const own = command.options.flatMap(({ long, short }) => [long ?? '', short ?? '']);
  return [...own, ...command.commands.flatMap(optionsOf)];
}

/** Finds inline code that looks like a setting, `enableExperiment: …`, and names none. */
function unknownSettings(page: Page): string[] {
  return spansOf(page).flatMap(({ text, line }) => {
    const name = /^([a-z]+[A-Za-z]*): [^{]/.exec(text)?.[1];
    const isKnown = name === undefined || SETTING_NAMES.some((each) => each === name);
    return isKnown ? [] : [`${page.path}:${line}: ${text}`];
  });
}

/** Finds inline code that begins with an unknown option: `--export-dir …`. */
function unknownOptions(page: Page): string[] {
  return spansOf(page).flatMap(({ text, line }) => {
    const option = /^--?[a-z][a-z-]*/.exec(text)?.[0];
    return option === undefined || options.has(option) ? [] : [`${page.path}:${line}: ${text}`];
  });
}

/** Returns what the reader of settings rejects in a file that a page shows. */
async function unknownInFile(text: string): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'postlude-docs-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'postlude.yaml'), text);
  const input = { flags: { config: 'postlude.yaml' }, env: {}, cwd: folder };
  const problems = await loadConfig(input).then(
    () => '',
    (error: Error) => error.message,
  );
  // Files that a shown file refers to (secrets, keys of an issuer) are not on this machine.
  return problems
    .split('\n')
    .filter((line) => /^ {2}/.test(line) && !/ENOENT|no such file/.test(line));
}

function configFilesOf(page: Page): string[] {
  return blocksOf(page)
    .map(({ text }) => text)
    .filter((text) => text.startsWith('# postlude.yaml'));
}

describe('the documents', () => {
  const pages = readPages().filter(({ path }) => OF_SERVERS.includes(path));

  test('name existing settings', () => {
    expect(pages).toHaveLength(OF_SERVERS.length);
    expect(pages.flatMap(unknownSettings)).toEqual([]);
  });

  test('name existing options', () => {
    expect(pages.flatMap(unknownOptions)).toEqual([]);
  });

  test('show configuration files that a server accepts', async () => {
    const files = readPages().flatMap(configFilesOf);
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) expect(await unknownInFile(file)).toEqual([]);
  });
});

describe('the check of them', () => {
  const planted = (text: string): Page => ({ path: 'planted.md', text });

  test('finds a setting, an option and a key of a file that do not exist', async () => {
    expect(unknownSettings(planted('Set `tqSweepEvry: 0s`.'))).toHaveLength(1);
    expect(unknownOptions(planted('Give `--export-dri x`.'))).toHaveLength(1);
    expect(await unknownInFile('# postlude.yaml\nlisten: 127.0.0.1:1\nexprtDir: x\n')).toHaveLength(
      1,
    );
  });
});
