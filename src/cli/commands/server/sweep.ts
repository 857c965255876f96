import { Command, InvalidArgumentError } from 'commander';
import type { Config } from '../../../server/config/config.ts';
import { type CommandMaker, outputOf } from '../../command.ts';
import { type CliContext, EXIT } from '../../context.ts';
import { parseDuration } from '../../option-values.ts';
import { cutWhenStopped } from '../../process/stopping.ts';
import { addServerOptions, configOf } from '../../server-options.ts';
import { describeSweep, isSweptClean } from '../../sweep-outcome.ts';

interface SweepOptions {
  readonly every?: number;
}

const MIN_INTERVAL_MS = 1_000;

export const sweepCommand: CommandMaker = (context, setExitCode) =>
  addServerOptions(
    new Command('sweep')
      .description('submit pushed tasks that did not reach their queue, without a server')
      .option(
        '--every <duration>',
        'keep sweeping at this interval (1m, for example) until SIGTERM',
        parseInterval,
      )
      .option('--json', 'print the outcome of each sweep as JSON')
      .addHelpText(
        'after',
        '\nServers with tqSweepEvery 0s leave sweeping to this command.\nExits with 1 if a task could not be submitted; with --every, always exits with 0.',
      ),
  ).action(async (options: SweepOptions, command: Command) => {
    const config = await configOf(context, command);
    await cutWhenStopped(context, async () => {
      const sweptClean = await sweepAll({ context, command, config, everyMs: options.every });
      if (!sweptClean) setExitCode(EXIT.error);
    });
  });

interface Sweeps {
  readonly context: CliContext;
  readonly command: Command;
  readonly config: Config;
  /** If undefined, there is one sweep only. */
  readonly everyMs: number | undefined;
}

async function sweepAll({ context, command, config, everyMs }: Sweeps): Promise<boolean> {
  const { jsonLog } = await import('../../../server/telemetry/json-log.ts');
  const { openSweeper } = await import('../../../server/push-tasks/open-sweeper.ts');
  const log = jsonLog(config.logLevel, context.stderr);
  const sweeper = await openSweeper(config, { log, clock: context.clock });
  const sweep = async (): Promise<boolean> => {
    const summary = await sweeper.runOnce(context.signal);
    outputOf(context, command).result(summary, () => describeSweep(summary));
    return isSweptClean(summary);
  };
  try {
    if (everyMs === undefined) return await sweep();
    await repeat(context, everyMs, sweep);
    return true;
  } finally {
    await sweeper.close();
  }
}

function parseInterval(text: string): number {
  const everyMs = parseDuration(text);
  if (everyMs >= MIN_INTERVAL_MS) return everyMs;
  throw new InvalidArgumentError('the interval must be at least 1s');
}

/** Sweeps until the process is told to stop. The interval is from one start to the next. */
async function repeat(
  { clock, signal }: CliContext,
  everyMs: number,
  sweep: () => Promise<unknown>,
): Promise<void> {
  while (!signal.aborted) {
    const startedAt = clock.monotonicMs();
    await sweep();
    await clock.sleep(Math.max(startedAt + everyMs - clock.monotonicMs(), 0), signal);
  }
}
