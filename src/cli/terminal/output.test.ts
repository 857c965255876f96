import { stripVTControlCharacters } from 'node:util';
import { systemClock } from '@postlude/queue/foundations';
import { describe, expect, test } from 'vitest';
import { MemoryStream } from '../../../test/support/cli/memory-stream.ts';
import type { CliContext } from '../context.ts';
import { Output, printFailure } from './output.ts';
import { OwnSecrets } from './own-secrets.ts';

const HOSTILE = 'a\u001b[2J\u0007\u009b2J\u202egnp\u2066\r\nb\u007f\ufeff';
const SHOWN = 'a\\x1b[2J\\x07\\x9b2J\\u202egnp\\u2066\\r\\nb\\x7f\\ufeff';

function setup(options: { isTTY?: boolean; env?: Record<string, string>; json?: boolean } = {}) {
  const stdout = new MemoryStream({ isTTY: options.isTTY ?? false });
  const stderr = new MemoryStream();
  const context: CliContext = {
    stdout,
    stderr,
    hasReader: () => true,
    env: options.env ?? {},
    cwd: '/',
    clock: systemClock,
    exit: () => undefined,
    forced: new AbortController().signal,
    secrets: new OwnSecrets(),
    signal: new AbortController().signal,
  };
  return {
    stdout,
    stderr,
    output: new Output(context, { json: options.json ?? false, quiet: false }),
  };
}

function printed(text: string, options: Parameters<typeof setup>[0] = {}): string {
  const { output, stdout } = setup(options);
  output.result({}, () => output.style('red', text));
  return stdout.text();
}

describe('Output', () => {
  test('prints text for people', () => {
    const { output, stdout } = setup();
    output.result({ state: 'ACTIVE' }, () => 'x is ACTIVE');
    expect(stdout.text()).toBe('x is ACTIVE\n');
  });

  test('prints one line of JSON with --json, and no notes', () => {
    const { output, stdout, stderr } = setup({ json: true });
    output.note('working');
    output.result({ state: 'ACTIVE' }, () => 'x is ACTIVE');
    expect(JSON.parse(stdout.text())).toEqual({ state: 'ACTIVE' });
    expect(stderr.text()).toBe('');
  });

  test('colours only on a terminal', () => {
    expect(printed('bad')).toBe('bad\n');
    expect(printed('bad', { isTTY: true })).toBe('\u001b[31mbad\u001b[39m\n');
  });

  test('does not colour if NO_COLOR is set', () => {
    expect(printed('bad', { isTTY: true, env: { NO_COLOR: '1' } })).toBe('bad\n');
  });

  test('aligns the columns of a table by their visible width', () => {
    const { output, stdout } = setup({ isTTY: true });
    const rows = [
      ['ID', 'STATE'],
      [output.style('red', 'longer'), 'x'],
      ['é', 'y'],
      ['a\nb', 'z'],
    ];
    output.result(rows, () => output.table(rows));
    expect(stripVTControlCharacters(stdout.text())).toBe(
      'ID      STATE\nlonger  x\né       y\na\\nb    z\n',
    );
  });

  test('shows what a terminal would obey as escapes, in styled text too', () => {
    expect(printed(HOSTILE, { isTTY: true })).toBe(`\u001b[31m${SHOWN}\u001b[39m\n`);
  });

  test('prints a line break within a line as an escape, so that no line can be forged', () => {
    const { output, stdout } = setup();
    output.result({}, () => ['a\nforged', 'b']);
    expect(stdout.text()).toBe('a\\nforged\nb\n');
  });

  test('shows them in notes, warnings and errors', () => {
    const { output, stderr } = setup();
    output.note(HOSTILE);
    output.warn(HOSTILE);
    output.error(HOSTILE);
    expect(stderr.text()).toBe(`${SHOWN}\nwarning: ${SHOWN}\nerror: ${SHOWN}\n`);
  });

  test('escapes them in JSON as JSON does, and the value stays the same', () => {
    const { output, stdout } = setup({ json: true });
    output.result({ id: HOSTILE }, () => '');
    expect(stdout.text()).toContain('\\u009b2J\\u202egnp');
    expect(JSON.parse(stdout.text())).toEqual({ id: HOSTILE });
  });
});

const COMMANDS = [
  ['::error::forged', '\\x3a:error::forged'],
  [' \u00a0::add-mask::a', ' \u00a0\\x3a:add-mask::a'],
  ['a ::b:: c', 'a ::b:: c'],
  [': :', ': :'],
  ['a ##[add-mask]b', 'a \\x23#[add-mask]b'],
  ['###[group]x', '#\\x23#[group]x'],
  ['##vso[task.setvariable variable=PATH]x', '\\x23#vso[task.setvariable variable=PATH]x'],
  ["##teamcity[testFailed name='x']", "\\x23#teamcity[testFailed name='x']"],
  ['## [not one]', '## [not one]'],
] as const;

describe('commands to the runner of a CI job', () => {
  test.each(COMMANDS)('%j is printed as %j', (text, shown) => {
    const { output, stdout, stderr } = setup();
    output.result({}, () => ['first', text]);
    output.note(text);
    expect(stdout.text()).toBe(`first\n${shown}\n`);
    expect(stderr.text()).toBe(`${shown}\n`);
    expect(printed(text, { isTTY: true })).toBe(`\u001b[31m${shown}\u001b[39m\n`);
  });

  test.each(COMMANDS)('%j in JSON keeps its value, and gives no command', (text) => {
    const { output, stdout } = setup({ json: true });
    output.result({ id: text, path: `\\${text}` }, () => '');
    expect(stdout.text()).not.toMatch(/^\s*::|##(?:vso|teamcity)?\[/);
    expect(JSON.parse(stdout.text())).toEqual({ id: text, path: `\\${text}` });
  });

  test('are not given by the further lines of a failure either', () => {
    const stderr = new MemoryStream();
    printFailure(stderr, 'refused\n::error::forged\n  ::add-mask::a');
    const lines = ['postlude: refused', '  \\x3a:error::forged', '  \\x3a:add-mask::a', ''];
    expect(stderr.text()).toBe(lines.join('\n'));
  });
});

describe('printFailure', () => {
  test('indents further lines, so that none passes for another message', () => {
    const stderr = new MemoryStream();
    printFailure(stderr, 'refused\npostlude: all is well\u001b[2J\n  try again');
    expect(stderr.text()).toBe('postlude: refused\n  postlude: all is well\\x1b[2J\n  try again\n');
  });
});
