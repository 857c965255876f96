/**
 * Parses the command line of a script or a bench. It rejects everything unknown: the process exits with 2
 * after a line that lists the names and options, so that a misspelt name never passes for a run.
 */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

type Values<O extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: O; allowPositionals: true }>
>['values'];

export interface CommandLineConfig<O extends ParseArgsOptionsConfig> {
  /** The command as users type it: `npm run chaos`. */
  readonly command: string;
  readonly options: O;
  /** The runs that the first word selects; without them, no word is accepted. */
  readonly names?: readonly string[];
  /** The name for a command line without one; if there is no default, a name is required. */
  readonly defaultName?: string;
  /** Whether several names may be given. */
  readonly takesSeveral?: boolean;
}

export class CommandLine<O extends ParseArgsOptionsConfig> {
  readonly values: Values<O>;
  /** Those of `names` that were given, or the default; none if the command has none. */
  readonly selected: readonly string[];
  readonly #config: CommandLineConfig<O>;

  constructor(config: CommandLineConfig<O>, args: readonly string[] = process.argv.slice(2)) {
    this.#config = config;
    this.#help(args);
    const { values, positionals } = this.#parse(args);
    this.values = values;
    this.selected = this.#namesIn(positionals);
  }

  /** One of `names`; empty if the command has none. */
  get name(): string {
    return this.selected[0] ?? '';
  }

  /** Returns the comma-separated values of an option, each of which must be one of `known`. */
  list<T extends string>(option: keyof O & string, known: readonly T[]): T[] {
    const asked = this.#text(option).split(',');
    const unknown = asked.find((one) => !known.includes(one as T));
    if (unknown !== undefined) this.refuse(`--${option} ${unknown}: there is ${known.join(', ')}`);
    return asked as T[];
  }

  /** Returns the comma-separated values of an option as whole numbers of at least 1. */
  counts(option: keyof O & string): number[] {
    const parts = this.#text(option).split(',');
    return parts.map((part) => this.#whole(option, part, 1));
  }

  /** Returns the value of an option as a whole number of at least `least`. */
  count(option: keyof O & string, least = 1): number {
    return this.#whole(option, this.#text(option), least);
  }

  /** If `--help` is among the arguments, prints the usage and exits with 0. */
  #help(args: readonly string[]): void {
    if (!args.includes('--help') && !args.includes('-h')) return;
    console.log(this.#usage());
    process.exit(0);
  }

  /** Prints the reason and the usage, and exits with 2. */
  refuse(why: string): never {
    console.error(`${this.#config.command}: ${why}\n${this.#usage()}`);
    process.exit(2);
  }

  #parse(args: readonly string[]) {
    const { options } = this.#config;
    try {
      return parseArgs({ args: [...args], options, allowPositionals: true });
    } catch (error) {
      const [sentence] = (error instanceof Error ? error.message : String(error)).split('. ');
      return this.refuse(sentence ?? '');
    }
  }

  #namesIn(positionals: readonly string[]): readonly string[] {
    const { names = [], defaultName, takesSeveral = false } = this.#config;
    const [name = defaultName, ...more] = positionals;
    if (names.length === 0) {
      if (name !== undefined) this.refuse(`unknown argument ${name}`);
      return [];
    }
    if (name === undefined) return this.refuse('a name is wanted');
    const given = [name, ...more];
    const unknown = (takesSeveral ? given : [name]).find((each) => !names.includes(each));
    if (unknown !== undefined) this.refuse(`there is no ${unknown}`);
    if (!takesSeveral && more.length > 0) this.refuse(`unknown argument ${more[0]}`);
    return given;
  }

  #whole(option: string, value: string, least: number): number {
    if (/^\d+$/.test(value) && Number(value) >= least) return Number(value);
    return this.refuse(`--${option} ${value}: a whole number from ${least} is wanted`);
  }

  #text(option: string): string {
    return String((this.values as Record<string, unknown>)[option] ?? '');
  }

  #usage(): string {
    const { command, names = [], options, takesSeveral = false } = this.#config;
    const flags = Object.entries(options).map(
      ([flag, { type }]) => `[--${flag}${type === 'boolean' ? '' : ' …'}]`,
    );
    const words = names.length > 0 ? [`${names.join('|')}${takesSeveral ? ' …' : ''}`] : [];
    return `usage: ${[`${command} --`, ...words, ...flags].join(' ')}`;
  }
}
