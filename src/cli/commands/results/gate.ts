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
Green: each test went as expected in some attempt, or was skipped or exonerated, and there is no problem
of a newest attempt: a command that was killed or cancelled, a recorder that was lost, a report that is
damaged, a failure outside of tests, an expected invocation that never appeared.

Ends with 0 where the run is green, with 1 where it is red, with 2 where the command line is wrong, and
with 3 where that is not known: it is not over in time, there is no such run, or the server is away.`;

export const gateCommand: CommandMaker = (context, setExitCode) =>
  addGlobalOptions(
    new Command('gate')
      .description(
        'wait until a run is over, then end with 0 where it is green, with 1 where it is red',
      )
      .argument('<run>', 'which one', parseInvocation)
      .option('--within <duration>', 'how long to wait (default: until it is over)', parseDuration)
      .option('--fail-on-flaky', 'red where a test is flaky')
      .option('--fail-on-skipped', 'red where a test was skipped')
      .option('--allow-missing', 'green though an expected invocation never appeared')
      .option('--allow-empty', 'green though no test ran')
      .option('--attempt <number>', 'of the run (default: the newest)', parseAttempt)
      .option('--limit <n>', 'show at most so many tests and problems of a kind', parseLimit, 20)
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

/** Whether it is green; tells why not. */
async function decide(gate: Gate): Promise<boolean> {
  const { command, context, given, options } = gate;
  const connection = connect(context, command);
  const output = outputOf(context, command);
  const id = await attemptToRead(connection, given, options.attempt, connection.retry);
  await waitWithin(gate, id);
  const assessment = await assess(connection, id, connection.retry);
  const reasons = await gateReasons(connection, id, assessment, options);
  const isGreen = reasons.length === 0;
  const value = {
    ...{ invocation: id, verdict: isGreen ? 'green' : 'red' },
    reasons: reasons.map(reasonValue),
    tests: testsOf(assessment.counts),
    results: assessment.results,
    verdicts: assessment.counts,
  };
  output.result(value, () =>
    [
      isGreen ? output.style('green', `${id} is green`) : output.style('red', `${id} is red`),
      describeVerdicts(assessment),
      ...reasons.map((reason) => describeReason(output, reason)),
    ].join('\n'),
  );
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
    throw new CliError(`it took too long: ${await whyNot(context, command, id)}`, EXIT.undecided);
  } finally {
    done.abort();
  }
}

async function whyNot(context: CliContext, command: Command, id: string): Promise<string> {
  const { invocations } = connect(context, command);
  const { explanation } = await invocations.explainInvocation({ name: invocationName(id) });
  return explanation === undefined ? `${id} is not over yet` : describeExplanation(id, explanation);
}

/** No error of ours may look like the verdict. */
function undecided(error: unknown): unknown {
  const failure = error instanceof ConnectError ? toRpcFailure(error) : error;
  if (!(failure instanceof CliError) || failure.exitCode !== EXIT.error) return failure;
  return new CliError(failure.message, EXIT.undecided, { cause: failure });
}
