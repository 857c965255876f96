/**
 * Reads the YAML block below a TAP point, which has the failure, the duration and the location. Real blocks
 * are often not quite YAML (stack traces, values printed by the runner) and there may be hundreds of
 * thousands, so this reads only the few plain keys that matter, and keeps the text.
 */
import { Excerpt } from '../excerpt.ts';
import type { SourceLocation } from '../execution.ts';

const MAX_KEY_TEXT = 4096;

export class TapDiagnostic {
  readonly #text = new Excerpt();
  readonly #values = new Map<string, Excerpt>();
  #open: Excerpt | undefined;

  /** `line` does not have the indentation of the block. */
  add(line: string): void {
    this.#text.add(`${line}\n`);
    const match = /^([A-Za-z_]\w*):(?: (.*))?$/.exec(line);
    if (!match) {
      if (line === '' || line.startsWith(' ')) this.#open?.add(`${line.replace(/^ {2}/, '')}\n`);
      return;
    }
    const [, key = '', value = ''] = match;
    this.#open = new Excerpt(MAX_KEY_TEXT);
    this.#open.add(isBlockMark(value) ? '' : unquote(value));
    if (KEYS.has(key)) this.#values.set(key, this.#open);
  }

  get type(): string | undefined {
    return this.#value('type');
  }

  get failureType(): string | undefined {
    return this.#value('failureType');
  }

  get durationMs(): number | undefined {
    const duration = Number(this.#value('duration_ms') ?? Number.NaN);
    return Number.isFinite(duration) && duration >= 0 ? duration : undefined;
  }

  /** The message and the stack if the producer gives them, or else the whole block. */
  get summary(): string {
    const message = this.#value('error') ?? this.#value('message');
    const stack = this.#value('stack');
    if (message === undefined && stack === undefined) return this.#text.text;
    return [message, stack].filter((text) => text !== undefined && text !== '').join('\n');
  }

  /** Reads `file:line:column`, also as `function (file:line:column)`. */
  get location(): SourceLocation | undefined {
    const place = this.#value('location') ?? this.#value('at') ?? '';
    const numbers = /:(\d+):\d+\)?$/.exec(place);
    if (numbers === null) return undefined;
    const before = place.slice(0, numbers.index);
    const file = before
      .slice(Math.max(before.lastIndexOf('('), before.lastIndexOf(')')) + 1)
      .trimStart();
    return file === '' ? undefined : { file, line: Number(numbers[1]) };
  }

  #value(key: string): string | undefined {
    return this.#values.get(key)?.text;
  }
}

const KEYS = new Set([
  'type',
  'failureType',
  'duration_ms',
  'error',
  'message',
  'stack',
  'location',
  'at',
]);

function isBlockMark(value: string): boolean {
  return /^[|>][+-]?\d*$/.test(value);
}

function unquote(value: string): string {
  if (/^'.*'$/s.test(value)) return value.slice(1, -1).replaceAll("''", "'");
  if (!/^".*"$/s.test(value)) return value;
  try {
    return String(JSON.parse(value));
  } catch {
    return value.slice(1, -1);
  }
}
