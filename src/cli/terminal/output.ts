/**
 * What commands print: one JSON value a result with `--json`, words and tables for people
 * otherwise. Results go to stdout, everything else to stderr. Colours only on a terminal, and not
 * where NO_COLOR is set.
 */
import { stripVTControlCharacters, styleText } from 'node:util';
import type { CliContext } from '../context.ts';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
}

export class Output {
  readonly isJson: boolean;
  readonly #context: CliContext;
  readonly #quiet: boolean;

  constructor(context: CliContext, options: OutputOptions) {
    this.#context = context;
    this.isJson = options.json;
    this.#quiet = options.quiet;
  }

  /** The result of the command: `value` as one line of JSON, or what `describe` makes of it. */
  result(value: unknown, describe: () => string): void {
    const text = this.isJson ? JSON.stringify(value) : describe();
    if (text !== '') this.#context.stdout.write(`${text}\n`);
  }

  /** False once it would print for nobody: `| head` has seen enough. */
  get hasReader(): boolean {
    return this.#context.hasReader();
  }

  /** What is going on, for people. */
  note(message: string): void {
    if (!this.#quiet && !this.isJson) this.#context.stderr.write(`${message}\n`);
  }

  error(message: string): void {
    this.#context.stderr.write(`${this.style('red', 'error:', 'stderr')} ${message}\n`);
  }

  warn(message: string): void {
    this.#context.stderr.write(`${this.style('yellow', 'warning:', 'stderr')} ${message}\n`);
  }

  style(style: Style, text: string, to: 'stdout' | 'stderr' = 'stdout'): string {
    const { env } = this.#context;
    const isPlain = this.#context[to].isTTY !== true || (env.NO_COLOR ?? '') !== '';
    return isPlain ? text : styleText(style, text, { validateStream: false });
  }

  /** Rows in aligned columns, the first row being the head. */
  table(rows: readonly (readonly string[])[]): string {
    const widths = (rows[0] ?? []).map((_, column) =>
      Math.max(...rows.map((row) => visibleWidth(row[column] ?? ''))),
    );
    const pad = (row: readonly string[]): string =>
      row
        .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - visibleWidth(cell)))
        .join('  ')
        .trimEnd();
    return rows
      .map((row, index) => (index === 0 ? this.style('bold', pad(row)) : pad(row)))
      .join('\n');
  }
}

function visibleWidth(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}
