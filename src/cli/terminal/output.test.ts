import { stripVTControlCharacters } from 'node:util';
import { systemClock } from '@postlude/queue/foundations';
import { describe, expect, test } from 'vitest';
import { MemoryStream } from '../../../test/support/cli/memory-stream.ts';
import type { CliContext } from '../context.ts';
import { Output } from './output.ts';

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
    signal: new AbortController().signal,
  };
  return {
    stdout,
    stderr,
    output: new Output(context, { json: options.json ?? false, quiet: false }),
  };
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
    expect(setup().output.style('red', 'bad')).toBe('bad');
    expect(setup({ isTTY: true }).output.style('red', 'bad')).toContain('\u001b[31m');
  });

  test('does not colour if NO_COLOR is set', () => {
    const { output } = setup({ isTTY: true, env: { NO_COLOR: '1' } });
    expect(output.style('red', 'bad')).toBe('bad');
  });

  test('aligns the columns of a table by their visible width', () => {
    const { output } = setup();
    const lines = output.table([
      ['ID', 'STATE'],
      ['\u001b[31mlonger\u001b[39m', 'x'],
      ['é', 'y'],
    ]);
    expect(lines.split('\n').map((line) => stripVTControlCharacters(line))).toEqual([
      'ID      STATE',
      'longer  x',
      'é       y',
    ]);
  });
});
