/** The options of `record` and `upload` that describe the uploaded results. */
import type { Command } from 'commander';
import { collectPair, type StringPair } from '../new-invocation.ts';

export interface UploadOptions {
  readonly variant?: readonly StringPair[];
  readonly repo?: string;
}

export function addUploadOptions(command: Command): Command {
  return command
    .option(
      '--variant <key:value>',
      'a condition that the tests ran under: os:linux (repeatable)',
      collectPair,
    )
    .option('--repo <url>', 'the repository that the source files belong to');
}

export function variantOf({ variant = [] }: UploadOptions): Record<string, string> {
  return Object.fromEntries(variant.map(({ key, value }) => [key, value]));
}
