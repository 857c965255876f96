import { execFileSync } from 'node:child_process';
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { openCli } from '../../../test/support/cli/cli-world.ts';
import { completionScript } from './completion-script.ts';

function program(): Command {
  const root = new Command('postlude').option('--json', 'JSON');
  root.command('status').description("an invocation's state").option('--watch', 'wait');
  root.command('tasks').command('redrive').option('--all', 'all');
  return root;
}

/** Returns what bash offers for the last of `words`. */
function evaluate(completion: string, ...words: string[]): string[] {
  const script = `${completion}
    COMP_WORDS=(postlude ${words.map((word) => `'${word}'`).join(' ')})
    COMP_CWORD=${words.length}
    _postlude
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const output = execFileSync('bash', ['-c', script], { encoding: 'utf8' });
  return output.split('\n').filter((line) => line !== '');
}

function complete(...words: string[]): string[] {
  return evaluate(completionScript('bash', program()), ...words);
}

describe('completionScript', () => {
  test('offers the commands', () => {
    expect(complete('')).toEqual(['status', 'tasks', '--json', '--help']);
    expect(complete('st')).toEqual(['status']);
  });

  test('offers the options of the command that was typed', () => {
    expect(complete('status', '--')).toEqual(['--watch', '--help']);
  });

  test('descends into subcommands', () => {
    expect(complete('tasks', 're')).toEqual(['redrive']);
    expect(complete('tasks', 'redrive', '--a')).toEqual(['--all']);
  });

  test('completes the commands and options of the real program', async () => {
    const { run } = await openCli();
    const { out, code } = await run('completion', 'bash');
    expect(code).toBe(0);
    expect(evaluate(out, 'in')).toEqual(['include', 'inspect']);
    expect(evaluate(out, 'tasks', 'redrive', '--i')).toEqual(['--id']);
    expect(evaluate(out, '--server', 'http://host', 'status', '--wa')).toEqual(['--watch']);
  });

  test('hands zsh the bash script, without the names that zsh keeps for itself', () => {
    const script = completionScript('zsh', program());
    expect(script).toContain('bashcompinit');
    expect(script).not.toMatch(/\b(path|words)=/);
  });

  test('makes a script for fish, with quotes in descriptions escaped', () => {
    const script = completionScript('fish', program());
    expect(script).toContain("-a status -d 'an invocation\\'s state'");
    const both = '__fish_seen_subcommand_from tasks; and __fish_seen_subcommand_from redrive';
    expect(script).toContain(`-n '${both}' -l all`);
  });
});
