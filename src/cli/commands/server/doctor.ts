import { Command } from 'commander';
import { addGlobalOptions, type CommandMaker, outputOf } from '../../command.ts';
import { connect } from '../../connection/connection.ts';
import { EXIT } from '../../context.ts';
import { runChecks } from '../../doctor/doctor-checks.ts';
import type { Finding } from '../../doctor/finding.ts';
import { cutWhenStopped } from '../../process/stopping.ts';
import { addServerOptions, configOf } from '../../server-options.ts';
import type { Output, Style } from '../../terminal/output.ts';
import { hangingLines } from '../../terminal/visible-text.ts';

const STYLES: Readonly<Record<Finding['level'], Style>> = {
  ok: 'green',
  warning: 'yellow',
  problem: 'red',
};

export const doctorCommand: CommandMaker = (context, setExitCode) =>
  addServerOptions(
    addGlobalOptions(
      new Command('doctor')
        .description(
          'check this machine, the configuration, the server, the database and the sinks of exports',
        )
        .option('--no-server-check', 'do not check the server')
        .option('--no-database-check', 'do not check the configured database')
        .option(
          '--database-check',
          'check it even if it is embedded (no server may be using its folder)',
        )
        .option('--no-sink-check', 'do not write a probe to where exports go')
        .addHelpText(
          'after',
          '\nSays what to do about each problem. Exits with 1 if it finds any.',
        ),
    ),
  ).action(
    async (
      options: {
        readonly serverCheck: boolean;
        readonly databaseCheck?: boolean | undefined;
        readonly sinkCheck: boolean;
      },
      command: Command,
    ) => {
      const parts = {
        context,
        serverUrl: options.serverCheck ? connect(context, command).url : undefined,
        config: () => configOf(context, command),
        opensDatabase: options.databaseCheck,
        checksSinks: options.sinkCheck,
      };
      const findings = await cutWhenStopped(context, () => runChecks(parts));
      const output = outputOf(context, command);
      output.result({ findings }, () => findings.flatMap((finding) => describe(output, finding)));
      if (findings.some(({ level }) => level === 'problem')) setExitCode(EXIT.error);
    },
  );

function describe(output: Output, { level, check, message }: Finding): string[] {
  const lead = `${output.style(STYLES[level], level.padEnd(8))} ${check.padEnd(10)} `;
  return hangingLines(lead, message, 20);
}
