import { Argument, Command } from 'commander';
import type { CommandMaker } from '../../command.ts';
import { completionScript, SHELLS, type Shell } from '../../terminal/completion-script.ts';

export const completionCommand: CommandMaker = (context) =>
  new Command('completion')
    .description('print a completion script for your shell')
    .addArgument(new Argument('<shell>').choices([...SHELLS]))
    .addHelpText(
      'after',
      '\n  bash: source <(postlude completion bash)\n  zsh:  source <(postlude completion zsh)\n  fish: postlude completion fish | source',
    )
    .action((shell: Shell, _options: unknown, command: Command) => {
      context.stdout.write(completionScript(shell, command.parent ?? command));
    });
