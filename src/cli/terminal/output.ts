/**
 * Prints the output of commands: one JSON value a result with `--json`, and words and tables otherwise.
 * Results go to stdout, everything else to stderr. Colours appear only on a terminal, and not if NO_COLOR
 * is set.
 *
 * Nothing that is printed can act on the terminal, look like a line of its own, or give a command to the runner
 * of a CI job: each line passes through visibleText and withoutCommands here, so commands need not think of it.
 * Only the styles that `style` adds remain.
 */
import { randomBytes } from 'node:crypto';
import { styleText } from 'node:util';
import { visibleJson } from '@postlude/queue/foundations';
import type { CliContext, OutputStream } from '../context.ts';
import { linesOf, MARKED_COMMAND, visibleText, withoutCommands } from './visible-text.ts';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Text to print: one line each. A line break within one is printed as an escape. */
export type Lines = string | readonly string[];

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

  /** Prints a result: `value` as one line of JSON, or the lines that `describe` returns. */
  result(value: unknown, describe: () => Lines): void {
    if (this.isJson) this.#context.stdout.write(`${jsonLine(value)}\n`);
    else this.#print(describe());
  }

  /** False once nothing reads the output any more: `| head` has seen enough. */
  get hasReader(): boolean {
    return this.#context.hasReader();
  }

  /** Prints a remark for the user. */
  note(message: string): void {
    if (!this.#quiet && !this.isJson) this.#context.stderr.write(`${rendered(message)}\n`);
  }

  error(message: string): void {
    this.#tell('red', 'error:', message);
  }

  warn(message: string): void {
    this.#tell('yellow', 'warning:', message);
  }

  /** Returns text in a style, for the messages and lines of this output only. */
  style(style: Style, text: string, to: 'stdout' | 'stderr' = 'stdout'): string {
    const { env } = this.#context;
    const isPlain = this.#context[to].isTTY !== true || (env.NO_COLOR ?? '') !== '';
    return isPlain ? text : `${MARK}<${style}>${text}${MARK}</>`;
  }

  /** Formats rows in aligned columns. The first row is the head. */
  table(rows: readonly (readonly string[])[]): readonly string[] {
    const widths = (rows[0] ?? []).map((_, column) =>
      Math.max(...rows.map((row) => visibleWidth(row[column] ?? ''))),
    );
    const pad = (row: readonly string[]): string =>
      row
        .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - visibleWidth(cell)))
        .join('  ')
        .trimEnd();
    return rows.map((row, index) => (index === 0 ? this.style('bold', pad(row)) : pad(row)));
  }

  #tell(style: Style, label: string, message: string): void {
    const line = `${this.style(style, label, 'stderr')} ${message}`;
    this.#context.stderr.write(`${rendered(line)}\n`);
  }

  #print(lines: Lines): void {
    const all = typeof lines === 'string' ? [lines].filter((line) => line !== '') : lines;
    if (all.length > 0) this.#context.stdout.write(`${all.map(rendered).join('\n')}\n`);
  }
}

/** Prints why a command failed. Lines after the first are indented, so that none passes for another message. */
export function printFailure(stream: OutputStream, message: string): void {
  const [first = '', ...more] = linesOf(message).map((line) => withoutCommands(visibleText(line)));
  const rest = more.map((line) => `\n${line.replace(/^(?=\S)/, '  ')}`);
  stream.write(`postlude: ${first}${rest.join('')}\n`);
}

/** Marks styled text until it is printed. It is random, so that no text from elsewhere can hold it. */
const MARK = randomBytes(12).toString('hex');

/** Within a text of JSON, which is the only place of such a mark, a `#` may be written as an escape. */
function jsonLine(value: unknown): string {
  return visibleJson(JSON.stringify(value)).replaceAll(MARKED_COMMAND, '\\u0023');
}

function rendered(line: string): string {
  return partsOf(line)
    .map(({ style, text }) => {
      const shown = withoutCommands(visibleText(text));
      return style === undefined ? shown : styleText(style, shown, { validateStream: false });
    })
    .join('');
}

function visibleWidth(text: string): number {
  const shown = partsOf(text).map((part) => visibleText(part.text));
  return [...shown.join('')].length;
}

interface Part {
  readonly style: Style | undefined;
  readonly text: string;
}

/** A mark comes before `<style>` and its text, and before `</>` and the text that follows. */
function partsOf(line: string): Part[] {
  return line.split(MARK).map((part, index) => {
    if (index === 0) return { style: undefined, text: part };
    const end = part.indexOf('>') + 1;
    const style = index % 2 === 1 ? (part.slice(1, end - 1) as Style) : undefined;
    return { style, text: part.slice(end) };
  });
}
