/** The options of `record` that say what becomes of the results that its command reports. */
import { type Command, InvalidArgumentError } from 'commander';
import { checkModule, checkTestId } from '../../results/identity/check-id.ts';
import { LEGACY } from '../../results/identity/structured-id.ts';
import { checkPair } from '../../services/shared/check-pairs.ts';
import { CliError, EXIT } from '../context.ts';
import { collectPair, type StringPair } from '../new-invocation.ts';

export interface SinkOptions {
  readonly testIdPrefix?: string;
  readonly moduleName?: string;
  readonly moduleScheme?: string;
  readonly resultTag?: readonly StringPair[];
  readonly coerceNegativeDuration?: boolean;
}

/** What all results of a run have in common. */
export interface SinkRules {
  readonly testIdPrefix: string;
  /** Undefined if tests have plain ids. */
  readonly module: { readonly name: string; readonly scheme: string } | undefined;
  readonly tags: readonly StringPair[];
  readonly variant: Readonly<Record<string, string>>;
  /** True if a negative duration counts as 0; otherwise its result is refused. */
  readonly coercesNegativeDuration: boolean;
}

export function addSinkOptions(command: Command): Command {
  return command
    .option(
      '--test-id-prefix <prefix>',
      'what the ids of tests begin with that the command reports itself (LUCI_CONTEXT)',
      parsePrefix,
    )
    .option('--module-name <name>', 'the module of tests that it reports: their ids have parts')
    .option('--module-scheme <scheme>', 'the scheme of that module: flat, gtest, junit, or another')
    .option('--result-tag <key:value>', 'a tag of results that it reports (repeatable)', collectTag)
    .option('--coerce-negative-duration', 'take a negative duration that it reports for 0');
}

/** Throws a CliError if options do not go together. */
export function sinkRules(
  options: SinkOptions,
  variant: Readonly<Record<string, string>>,
): SinkRules {
  return {
    variant,
    testIdPrefix: options.testIdPrefix ?? '',
    module: moduleOf(options),
    tags: options.resultTag ?? [],
    coercesNegativeDuration: options.coerceNegativeDuration ?? false,
  };
}

function moduleOf({ moduleName, moduleScheme, testIdPrefix }: SinkOptions): SinkRules['module'] {
  if (moduleName === undefined && moduleScheme === undefined) return undefined;
  if (moduleName === undefined || moduleScheme === undefined) {
    throw misuse('--module-name and --module-scheme belong together');
  }
  if (testIdPrefix !== undefined) throw misuse('a module has no --test-id-prefix');
  if (moduleName === LEGACY) throw misuse(`--module-name: may not be "${LEGACY}"`);
  try {
    checkModule({ moduleName, moduleScheme });
  } catch (error) {
    throw misuse(`--${(error as Error).message.replace('_', '-')}`);
  }
  return { name: moduleName, scheme: moduleScheme };
}

function misuse(problem: string): CliError {
  return new CliError(problem, EXIT.badInput);
}

function parsePrefix(prefix: string): string {
  return asArgument(() => {
    if (prefix.startsWith(':'))
      throw new Error('must not start with the colon of an id with parts');
    return checkTestId(prefix);
  });
}

function collectTag(text: string, previous?: readonly StringPair[]): readonly StringPair[] {
  const pairs = collectPair(text, previous);
  const { key, value } = pairs.at(-1) as StringPair;
  asArgument(() => checkPair(key, value));
  return pairs;
}

function asArgument<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
