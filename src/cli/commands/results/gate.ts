import { ConnectError } from '@connectrpc/connect';
import { Command } from 'commander';
import { addGlobalOptions, type CommandMaker, outputOf, progressOf } from '../../command.ts';
import { connect } from '../../connection/connection.ts';
import { toRpcFailure } from '../../connection/rpc-errors.ts';
import { type CliContext, CliError, EXIT } from '../../context.ts';
import { invocationName, parseInvocation } from '../../invocation-argument.ts';
import { parseAttempt, parseDuration, parseLimit } from '../../option-values.ts';
import { describeExplanation } from '../../terminal/describe.ts';
import { assess, attemptToRead } from '../../verdicts/assessment.ts';
import { describeVerdicts, testsOf } from '../../verdicts/describe-verdicts.ts';
import {
  describeReason,
  type GateOptions,
  gateReasons,
  reasonValue,
} from '../../verdicts/gate-reasons.ts';
import { watchUntilFinalized } from '../../watch.ts';

interface Options extends GateOptions {
  readonly attempt?: number;
  /** In milliseconds. */
  readonly within?: number;
}

const MORE = `
A run is green if each test went as expected in at least one attempt, or was skipped or exonerated, and no
newest attempt has a problem: a command that was killed or cancelled, a recorder that was lost, a damaged
report, a failure outside of tests, or an expected invocation that never appeared.

Exits with 0 if the run is green, with 1 if it is red, and with 2 if the command line is wrong. Exits
with 3 if the verdict is unknown: the run is not over in time, does not exist, or the server is unreachable.`;

export const gateCommand: CommandMaker = (context, setExitCode) =>
  addGlobalOptions(
    new Command('gate')
      .description(
        'wait until a run is over, then exit with 0 if it is green and with 1 if it is red',
      )
      .argument('<run>', 'the run', parseInvocation)
      .option('--within <duration>', 'how long to wait (default: until it is over)', parseDuration)
      .option('--fail-on-flaky', 'red if a test is flaky')
      .option('--fail-on-skipped', 'red if a test was skipped')
      .option('--allow-missing', 'green even if an expected invocation never appeared')
      .option('--allow-empty', 'green even if no test ran')
      .option('--attempt <number>', 'an attempt at the run (default: the newest)', parseAttempt)
      .option('--limit <n>', 'how many tests and problems of each kind to show', parseLimit, 20)
      .addHelpText('after', MORE),
  ).action(async (given: string, options: Options, command: Command) => {
    const isGreen = await decide({ context, command, given, options }).catch((error: unknown) => {
      throw context.signal.aborted ? error : undecided(error);
    });
    if (!isGreen) setExitCode(EXIT.error);
  });

interface Gate {
  readonly context: CliContext;
  readonly command: Command;
  readonly given: string;
  readonly options: Options;
}

/** Prints the verdict and its reasons. Returns true if the run is green. */
async function decide(gate: Gate): Promise<boolean> {
  const { command, context, given, options } = gate;
  const connection = connect(context, command);
  const output = outputOf(context, command);
  const id = await attemptToRead(connection, {
    id: given,
    attempt: options.attempt,
    retry: connection.retry,
  });
  await waitWithin(gate, id);
  const assessment = await assess(connection, id, connection.retry);
  const reasons = await gateReasons(connection, { id, assessment }, options);
  const isGreen = reasons.length === 0;
  const value = {
    invocation: id,
    verdict: isGreen ? 'green' : 'red',
    reasons: reasons.map(reasonValue),
    tests: testsOf(assessment.counts),
    results: assessment.results,
    verdicts: assessment.counts,
  };
  output.result(value, () => [
    isGreen ? output.style('green', `${id} is green`) : output.style('red', `${id} is red`),
    describeVerdicts(assessment),
    ...reasons.flatMap((reason) => describeReason(output, reason)),
  ]);
  return isGreen;
}

async function waitWithin({ command, context, options }: Gate, id: string): Promise<void> {
  const late = new AbortController();
  const done = new AbortController();
  if (options.within !== undefined) {
    const over = AbortSignal.any([done.signal, context.signal]);
    void context.clock.sleep(options.within, over).then(() => late.abort());
  }
  const limited = { ...context, signal: AbortSignal.any([context.signal, late.signal]) };
  const output = outputOf(context, command);
  const connection = connect(limited, command);
  try {
    const watch = { context: limited, connection, output, progress: progressOf(context, command) };
    await watchUntilFinalized(watch, id);
  } catch (error) {
    if (!late.signal.aborted || context.signal.aborted) throw error;
    throw new CliError(`timed out: ${await whyNot(context, command, id)}`, EXIT.undecided);
  } finally {
    done.abort();
  }
}

async function whyNot(context: CliContext, command: Command, id: string): Promise<string> {
  const { invocations } = connect(context, command);
  const { explanation } = await invocations.explainInvocation({ name: invocationName(id) });
  return explanation === undefined
    ? `${id} is not over yet`
    : describeExplanation(id, explanation).join('\n');
}

/** Gives failures an exit code of their own, as 1 would read as the verdict "red". */
function undecided(error: unknown): unknown {
  const failure = error instanceof ConnectError ? toRpcFailure(error) : error;
  if (!(failure instanceof CliError) || failure.exitCode !== EXIT.error) return failure;
  return new CliError(failure.message, EXIT.undecided, { cause: failure });
}
