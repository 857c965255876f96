/** Generates completion scripts from the command tree, so that they always match it. */
import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

interface Words {
  /** The command and its parents, such as `tasks list`; empty for the program. */
  readonly path: string;
  readonly subcommands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly string[];
}

export function completionScript(shell: Shell, program: Command): string {
  const words = [...wordsOf(program, [])];
  if (shell === 'fish') return fishScript(words);
  const bash = bashScript(words);
  return shell === 'bash' ? bash : `autoload -U +X bashcompinit && bashcompinit\n${bash}`;
}

function* wordsOf(command: Command, path: readonly string[]): Generator<Words> {
  yield {
    path: path.join(' '),
    subcommands: command.commands.map((child) => ({
      name: child.name(),
      description: child.description(),
    })),
    options: command.options.flatMap((option) => option.long ?? []).concat('--help'),
  };
  for (const child of command.commands) yield* wordsOf(child, [...path, child.name()]);
}

/**
 * Offers the options of the deepest command typed so far, or files if none of its words fits. In zsh,
 * `path` and `words` are special variables, so the script must not use these names.
 */
function bashScript(words: readonly Words[]): string {
  const cases = words.map(({ path, subcommands, options }) => {
    const all = [...subcommands.map(({ name }) => name), ...options].join(' ');
    return `    '${path}') offered='${all}' ;;`;
  });
  const paths = words.map(({ path }) => `'${path}'`).join('|');
  return `_postlude() {
  local current="\${COMP_WORDS[COMP_CWORD]}" typed='' word offered=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${typed:+$typed }$word" in ${paths}) typed="\${typed:+$typed }$word" ;; esac
  done
  case "$typed" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$offered" -- "$current"))
}
complete -o default -F _postlude postlude
`;
}

function fishScript(words: readonly Words[]): string {
  return words
    .flatMap(({ path, subcommands, options }) => {
      const seen = path.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`);
      const when = path === '' ? '__fish_use_subcommand' : seen.join('; and ');
      return [
        ...subcommands.map(
          ({ name, description }) =>
            `complete -c postlude -n '${when}' -a ${name} -d '${description.replaceAll("'", "\\'")}'`,
        ),
        ...options.map((option) => `complete -c postlude -n '${when}' -l ${option.slice(2)}`),
      ];
    })
    .join('\n')
    .concat('\n');
}
