import { Command } from 'commander';
import { type CommandMaker, outputOf } from '../../command.ts';
import { EXIT } from '../../context.ts';
import { cutWhenStopped, untilAborted } from '../../process/stopping.ts';
import { packageVersion } from '../../process/version.ts';
import { addServerOptions, configOf } from '../../server-options.ts';

export const serveCommand: CommandMaker = (context) =>
  addServerOptions(
    new Command('serve')
      .description('run a server: records results, finalizes, exports')
      .option('--json', 'print the address as JSON')
      .addHelpText(
        'after',
        '\nWithout options, it uses an embedded database in .postlude/ and accepts callers on this machine only.\nSIGTERM shuts it down gracefully; a second signal ends it at once. docs/configuration.md lists all\nsettings.',
      ),
  ).action(async (_options: unknown, command: Command) => {
    const config = await configOf(context, command);
    // Imported here, so that the other commands do not load the server.
    const { startServer } = await import('../../../server/server.ts');
    const start = () => startServer(config, { version: packageVersion() });
    const server = await cutWhenStopped(context, start);
    outputOf(context, command).result(
      { url: server.url },
      () => `postlude serves on ${server.url}`,
    );
    await untilAborted(context.signal);
    if ((await server.close()) === 'cut') context.exit(EXIT.error);
  });
