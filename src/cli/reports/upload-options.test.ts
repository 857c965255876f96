import { Command } from 'commander';
import { expect, test } from 'vitest';
import { addUploadOptions } from './upload-options.ts';

function parse(...args: readonly string[]): Command {
  const command = addUploadOptions(new Command('upload')).exitOverride();
  return command.configureOutput({ writeErr: () => undefined }).parse(args, { from: 'user' });
}

test('takes a repository that the server accepts, and no other', () => {
  expect(parse('--repo', 'https://example.com/repo').opts().repo).toBe('https://example.com/repo');
  expect(() => parse('--repo', 'http://example.com/repo')).toThrow(/starts with https:\/\//);
  expect(() => parse('--repo', 'https://example.com/repo.git')).toThrow(/does not end with .git/);
});
