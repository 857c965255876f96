/** The options of `record` and `upload` that describe the uploaded results. */
import { type Command, InvalidArgumentError } from 'commander';
import { problemOfPrintable } from '../../results/identity/printable.ts';
import { collect } from '../command.ts';
import { collectPair, type StringPair } from '../new-invocation.ts';

export interface UploadOptions {
  readonly variant?: readonly StringPair[];
  readonly repo?: string;
  readonly followLinks?: boolean;
  readonly artifacts?: readonly string[];
}

export function addUploadOptions(command: Command): Command {
  return command
    .option(
      '--variant <key:value>',
      'a condition that the tests ran under: os:linux (repeatable)',
      collectVariantPair,
    )
    .option('--repo <url>', 'the repository that the source files belong to: https://…', parseRepo)
    .option(
      '--artifacts <glob...>',
      'files to keep with the invocation: logs, screenshots; in quotes (repeatable)',
      collect,
    )
    .option('--follow-links', 'also read reports that links out of the current folder lead to');
}

export function variantOf({ variant = [] }: UploadOptions): Record<string, string> {
  return Object.fromEntries(variant.map(({ key, value }) => [key, value.normalize('NFC')]));
}

/** As the server checks it. */
function parseRepo(url: string): string {
  if (!url.startsWith('https://'))
    throw new InvalidArgumentError('a repository starts with https://');
  if (url.endsWith('.git')) throw new InvalidArgumentError('a repository does not end with .git');
  return url;
}

/** A value that the server refuses would keep all results from being recorded. */
function collectVariantPair(
  text: string,
  previous: readonly StringPair[] = [],
): readonly StringPair[] {
  const problem = problemOfPrintable(text.normalize('NFC'));
  if (problem !== undefined) throw new InvalidArgumentError(problem);
  return collectPair(text, previous);
}
