/**
 * Prints the output of commands: one JSON value a result with `--json`, and words and tables otherwise.
 * Results go to stdout, everything else to stderr. Colours appear only on a terminal, and not if NO_COLOR
 * is set.
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

  /** Prints a result: `value` as one line of JSON, or the text that `describe` returns. */
  result(value: unknown, describe: () => string): void {
    const text = this.isJson ? JSON.stringify(value) : describe();
    if (text !== '') this.#context.stdout.write(`${text}\n`);
  }

  /** False once nothing reads the output any more: `| head` has seen enough. */
  get hasReader(): boolean {
    return this.#context.hasReader();
  }

  /** Prints a remark for the user. */
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

  /** Formats rows in aligned columns. The first row is the head. */
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
