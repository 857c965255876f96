/**
 * Reads one JSON document that arrives in chunks, and yields its values one by one, so that a report of any
 * size needs memory only for its largest test.
 *
 * The reader walks into the objects and arrays that `descends` selects, and parses every other value as a
 * whole. Together that checks the entire grammar: a document that ends without an error is JSON to its last
 * character. A ReportDamage names the line at which the damaged value begins.
 */
import { ReportDamage } from '../report.ts';

/** Keys and array positions from the root to a value. */
export type JsonPath = readonly (string | number)[];

export interface JsonValuesOptions {
  /** Returns true to walk into the container at `path`; the path is only valid during the call. */
  readonly descends: (path: JsonPath) => boolean;
  /** Takes each value that was not walked into; the path is only valid during the call. */
  readonly onValue: (path: JsonPath, value: unknown, line: number) => void;
  /** Called when a container that was walked into ends. */
  readonly onEnd?: (path: JsonPath) => void;
  /** The limit of characters in one value; more is an error. */
  readonly maxLength?: number;
}

const MAX_VALUE_LENGTH = 16 * 1024 * 1024;

type Expected =
  | 'value'
  | 'value-or-end'
  | 'key'
  | 'key-or-end'
  | 'colon'
  | 'comma-or-end'
  | 'nothing';

interface Container {
  readonly isArray: boolean;
}

export class JsonValues {
  readonly #options: JsonValuesOptions;
  readonly #maxLength: number;
  readonly #open: Container[] = [];
  readonly #path: (string | number)[] = [];
  #expected: Expected = 'value';
  #line = 1;
  #capture: Capture | undefined;

  constructor(options: JsonValuesOptions) {
    this.#options = options;
    this.#maxLength = options.maxLength ?? MAX_VALUE_LENGTH;
  }

  push(chunk: string): void {
    let at = 0;
    while (at < chunk.length) {
      const capture = this.#capture;
      at = capture ? this.#continue(capture, chunk, at) : this.#structure(chunk, at);
    }
  }

  /** Throws ReportDamage unless the document is complete. */
  end(): void {
    // A number at the root ends only with the file.
    if (this.#capture?.isScalar) this.#finish(this.#capture);
    if (this.#expected !== 'nothing' || this.#capture) {
      throw new ReportDamage(this.#line, 'the file ends in the middle of a JSON document');
    }
  }

  /** Handles one character outside any captured value; returns the position to continue at. */
  #structure(chunk: string, at: number): number {
    const char = chunk[at] ?? '';
    if (char === '\n') this.#line += 1;
    if (char === ' ' || char === '\n' || char === '\t' || char === '\r') return at + 1;
    if (char === ':' && this.#expected === 'colon') this.#expected = 'value';
    else if (char === ',' && this.#expected === 'comma-or-end') this.#afterComma();
    else if (char === ']' || char === '}') this.#close(char);
    else if (this.#expected === 'key' || this.#expected === 'key-or-end') this.#openKey(char);
    else if (this.#expected === 'value' || this.#expected === 'value-or-end') this.#openValue(char);
    else throw this.#unexpected(char);
    return this.#capture ? at : at + 1;
  }

  #afterComma(): void {
    if (!this.#open.at(-1)?.isArray) {
      this.#expected = 'key';
      return;
    }
    this.#path.push(Number(this.#path.pop()) + 1);
    this.#expected = 'value';
  }

  #close(char: string): void {
    const isArray = char === ']';
    const mayEnd = ['comma-or-end', isArray ? 'value-or-end' : 'key-or-end'];
    if (this.#open.at(-1)?.isArray !== isArray || !mayEnd.includes(this.#expected)) {
      throw this.#unexpected(char);
    }
    this.#open.pop();
    this.#path.pop();
    this.#options.onEnd?.(this.#path);
    this.#afterValue();
  }

  #openKey(char: string): void {
    if (char !== '"') throw this.#unexpected(char);
    this.#capture = new Capture(char, this.#line, true);
  }

  #openValue(char: string): void {
    if ((char === '{' || char === '[') && this.#options.descends(this.#path)) {
      this.#open.push({ isArray: char === '[' });
      this.#expected = char === '[' ? 'value-or-end' : 'key-or-end';
      // A placeholder for the child's key or position, which replaces it.
      this.#path.push(char === '[' ? 0 : '');
      return;
    }
    if (!/["{[\-0-9tfn]/.test(char)) throw this.#unexpected(char);
    this.#capture = new Capture(char, this.#line, false);
  }

  #continue(capture: Capture, chunk: string, at: number): number {
    const end = capture.scan(chunk, at);
    this.#line += capture.takeLines();
    if (capture.length > this.#maxLength) {
      throw new ReportDamage(capture.line, `a value is longer than ${this.#maxLength} characters`);
    }
    if (capture.isComplete) this.#finish(capture);
    return end;
  }

  #finish({ line, isKey, text }: Capture): void {
    this.#capture = undefined;
    const value = parse(text, line);
    if (isKey) {
      this.#path[this.#path.length - 1] = String(value);
      this.#expected = 'colon';
      return;
    }
    this.#options.onValue(this.#path, value, line);
    this.#afterValue();
  }

  #afterValue(): void {
    this.#expected = this.#open.length === 0 ? 'nothing' : 'comma-or-end';
  }

  #unexpected(char: string): ReportDamage {
    return new ReportDamage(this.#line, `unexpected ${JSON.stringify(char)} in a JSON document`);
  }
}

/** Finds the end of one value; JSON.parse then checks what is between. */
class Capture {
  readonly line: number;
  readonly isKey: boolean;
  readonly isScalar: boolean;
  isComplete = false;
  length = 0;
  readonly #parts: string[] = [];
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  #lines = 0;

  constructor(first: string, line: number, isKey: boolean) {
    this.line = line;
    this.isKey = isKey;
    this.isScalar = !/["{[]/.test(first);
  }

  get text(): string {
    return this.#parts.join('');
  }

  /** Takes the part of the value that begins at `at`; returns the first position after it. */
  scan(chunk: string, at: number): number {
    let end = at;
    while (end < chunk.length && !this.isComplete) {
      const code = chunk.charCodeAt(end);
      if (this.isScalar && isDelimiter(code)) {
        this.isComplete = true;
        break;
      }
      if (!this.isScalar) this.#follow(code);
      end += 1;
    }
    this.#parts.push(chunk.slice(at, end));
    this.length += end - at;
    return end;
  }

  takeLines(): number {
    const lines = this.#lines;
    this.#lines = 0;
    return lines;
  }

  #follow(code: number): void {
    if (code === NEWLINE) this.#lines += 1;
    if (this.#isInString) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (code === BACKSLASH) this.#isEscaped = true;
      else if (code === QUOTE) this.#isInString = false;
    } else if (code === QUOTE) this.#isInString = true;
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) this.#depth += 1;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) this.#depth -= 1;
    this.isComplete = this.#depth <= 0 && !this.#isInString;
  }
}

const NEWLINE = 10;
const QUOTE = 34;
const COMMA = 44;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

function isDelimiter(code: number): boolean {
  return code <= 32 || code === COMMA || code === CLOSE_BRACE || code === CLOSE_BRACKET;
}

function parse(text: string, line: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ReportDamage(line, `not JSON: ${reason.slice(0, 200)}`, { cause });
  }
}
