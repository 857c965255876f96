import { Command } from 'commander';
import { addGlobalOptions, type CommandMaker, outputOf } from '../../command.ts';
import { connect } from '../../connection/connection.ts';
import { EXIT } from '../../context.ts';
import { addSpoolFolder, describeFlushed } from '../../recording/record-start.ts';
import { type Flushed, flushSpool } from '../../spool/flush.ts';
import { Spool } from '../../spool/spool.ts';
import type { Output } from '../../terminal/output.ts';

interface Options {
  readonly spool?: string;
  readonly refused?: boolean;
  readonly anyServer?: boolean;
}

const MORE = `
Any number may run at once, be killed and be repeated: each recording counts once. What the server takes is
removed here once it has said so; what it refuses for good stays in the folder "refused" of the spool.

Ends with 1 where anything is left.`;

export const flushCommand: CommandMaker = (context, setExitCode) =>
  addGlobalOptions(
    addSpoolFolder(
      new Command('flush').description('upload what "record" has kept while the server was away'),
    )
      .option('--any-server', 'upload what was recorded for another server, too: that has moved')
      .option('--refused', 'try those again, too, that the server has refused')
      .addHelpText('after', MORE),
  ).action(async (options: Options, command: Command) => {
    const spool = new Spool(context, options.spool);
    const output = outputOf(context, command);
    const refused = options.refused ? await spool.refused() : [];
    const entries = [...(await spool.waiting()), ...refused];
    const connection = connect(context, command);
    const { anyServer = false } = options;
    const parts = { clock: context.clock, connection, spool, anyServer };
    if (entries.length > 0) {
      await flushSpool(parts, entries, (flushed) => tell(output, flushed));
    } else {
      output.note(`nothing waits in ${spool.folder}`);
    }
    const left = [...(await spool.waiting()), ...(await spool.refused())];
    if (left.length > 0) setExitCode(EXIT.error);
    for (const path of left) output.note(`left: ${path}`);
    context.signal.throwIfAborted();
  });

function tell(output: Output, flushed: Flushed): void {
  if (flushed.state !== 'uploaded') output.warn(describeFlushed(flushed));
  if (flushed.state === 'uploaded' || output.isJson) {
    output.result(flushed, () => describeFlushed(flushed));
  }
}
