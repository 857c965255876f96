import { execFileSync } from 'node:child_process';
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { completionScript } from './completion-script.ts';

function program(): Command {
  const root = new Command('postlude').option('--json', 'JSON');
  root.command('status').description("an invocation's state").option('--watch', 'wait');
  root.command('tasks').command('redrive').option('--all', 'all');
  return root;
}

/** What bash offers for the last of `words`. */
function complete(...words: string[]): string[] {
  const script = `${completionScript('bash', program())}
    COMP_WORDS=(postlude ${words.map((word) => `'${word}'`).join(' ')})
    COMP_CWORD=${words.length}
    _postlude
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const output = execFileSync('bash', ['-c', script], { encoding: 'utf8' });
  return output.split('\n').filter((line) => line !== '');
}

describe('completionScript', () => {
  test('offers the commands', () => {
    expect(complete('')).toEqual(['status', 'tasks', '--json', '--help']);
    expect(complete('st')).toEqual(['status']);
  });

  test('offers the options of the command that was typed', () => {
    expect(complete('status', '--')).toEqual(['--watch', '--help']);
  });

  test('goes down into subcommands', () => {
    expect(complete('tasks', 're')).toEqual(['redrive']);
    expect(complete('tasks', 'redrive', '--a')).toEqual(['--all']);
  });

  test('makes a script for fish, with quotes in descriptions escaped', () => {
    expect(completionScript('fish', program())).toContain("-a status -d 'an invocation\\'s state'");
  });
});
