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
Any number of flushes may run at once, and a flush may be killed or repeated: each recording counts once.
A recording is deleted here only after the server has confirmed all of it. One that the server refuses
for good is moved to the folder "refused" in the spool.

Exits with 1 if anything is left.`;

export const flushCommand: CommandMaker = (context, setExitCode) =>
  addGlobalOptions(
    addSpoolFolder(
      new Command('flush').description(
        'upload what "record" kept while the server was unreachable',
      ),
    )
      .option('--any-server', 'also upload recordings made for another server, if it has moved')
      .option('--refused', 'also retry recordings that the server has refused')
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
      output.note(`nothing is waiting in ${spool.folder}`);
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
