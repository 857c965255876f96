/** The invocations that a run expects: `--expect` and `--expect-file` of `create`. */
import type { FileHandle } from 'node:fs/promises';
import { resolve } from 'node:path';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { NOT_REGULAR, openRegularFile, toError } from '@postlude/queue/foundations';
import { type Command, InvalidArgumentError } from 'commander';
import { type CliContext, CliError, EXIT } from './context.ts';
import { invocationName, parseInvocation } from './invocation-argument.ts';
import { parseDuration } from './option-values.ts';

export interface ExpectOptions {
  readonly expect?: readonly string[];
  readonly expectFile?: string;
  readonly expectWithin?: number;
}

/** The largest range. A mistyped number must not announce a million invocations. */
const MAX_RANGE = 10_000;

export function addExpectOptions(command: Command): Command {
  return command
    .option(
      '--expect <id>',
      'an invocation that will be recorded; shard-1..6 means six of them (repeatable)',
      collectExpected,
    )
    .option('--expect-file <file>', 'a file of expected invocations, one id or range a line')
    .option(
      '--expect-within <duration>',
      'how long the expected ones may take to appear (default: 1h)',
      parseDuration,
    );
}

/** Expands `shard-1..6` to shard-1, shard-2, … shard-6. Numbers keep leading zeros: `s-01..12`. */
export function parseExpected(text: string): string[] {
  const range = /(?<!\d)(\d+)\.\.(\d+)$/.exec(text);
  if (range === null) return [parseInvocation(text)];
  const [, first = '', last = ''] = range;
  const prefix = text.slice(0, range.index);
  const count = Number(last) - Number(first) + 1;
  if (count < 1 || count > MAX_RANGE) {
    throw new InvalidArgumentError(
      `a range counts up and names at most ${MAX_RANGE} invocations: shard-1..6`,
    );
  }
  return Array.from({ length: count }, (_, index) => {
    const number = String(Number(first) + index).padStart(first.length, '0');
    return parseInvocation(prefix + number);
  });
}

/** Returns the expected invocations as the request takes them. */
export async function expectedInvocations(
  { cwd, signal }: CliContext,
  { expect = [], expectFile, expectWithin }: ExpectOptions,
) {
  const listed =
    expectFile === undefined ? [] : await readExpectFile(resolve(cwd, expectFile), signal);
  const within = expectWithin === undefined ? {} : { within: durationFromMs(expectWithin) };
  return [...new Set([...expect, ...listed])].map((id) => ({
    name: invocationName(id),
    ...within,
  }));
}

function collectExpected(text: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, ...parseExpected(text)];
}

/** Ignores blank lines and lines that begin with #. */
async function readExpectFile(path: string, signal: AbortSignal): Promise<string[]> {
  let file: FileHandle | undefined;
  try {
    file = await openRegularFile(path);
    if (file === undefined) throw new Error(NOT_REGULAR);
    const text = await file.readFile({ encoding: 'utf8', signal });
    const lines = text.split('\n').map((line) => line.trim());
    return lines.filter((line) => line !== '' && !line.startsWith('#')).flatMap(parseExpected);
  } catch (cause) {
    throw new CliError(`--expect-file ${path}: ${toError(cause).message}`, EXIT.badInput, {
      cause,
    });
  } finally {
    await file?.close();
  }
}
