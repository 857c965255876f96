/**
 * What a setting is, and the kinds of values that settings have. Durations and sizes are written with their
 * units, so that nobody has to guess them. Every parser throws an Error that says what would be right.
 */
import { resolve } from 'node:path';
import { nonEmpty, type Shape, texts } from './shapes.ts';

export type SettingSource = 'flag' | 'env' | 'file';

/** Milliseconds. The key of such a setting in `Config` ends in `Ms`. */
export type Ms = number & { readonly unit: 'ms' };

interface Traits {
  /** What it takes, for help: `host:port`. */
  readonly takes: string;
  readonly group?: string;
  readonly description?: string;
  /** The default, as it would be written. */
  readonly default?: string;
  /** What the default is, if it depends on something. */
  readonly defaultInWords?: string;
  /** Where it may come from. If undefined, from everywhere. */
  readonly sources?: readonly SettingSource[];
  /** Several values, so its flag may be repeated. */
  readonly isList?: true;
}

export class Setting<T> {
  readonly parse: Shape<T>;
  readonly traits: Traits;

  constructor(parse: Shape<T>, traits: Traits) {
    this.parse = parse;
    this.traits = traits;
  }

  /** `text` is the default, written as a user would. */
  default(text: string): Setting<Exclude<T, undefined>> {
    return new Setting(this.parse as Shape<Exclude<T, undefined>>, {
      ...this.traits,
      default: text,
    });
  }

  /** The first sentence is shown by `--help`; all of it is shown in docs/configuration.md. */
  describe(description: string): Setting<T> {
    return this.with({ description });
  }

  with(traits: Partial<Traits>): Setting<T> {
    return new Setting(this.parse, { ...this.traits, ...traits });
  }
}

/** Marks the settings of a group. */
export function group<T extends Readonly<Record<string, Setting<unknown>>>>(
  name: string,
  settings: T,
): T {
  const entries = Object.entries(settings);
  return Object.fromEntries(entries.map(([key, each]) => [key, each.with({ group: name })])) as T;
}

/** A value that is one text, number or boolean. */
export function scalar<T>(
  takes: string,
  parse: (text: string, folder: string) => T,
): Setting<T | undefined> {
  const parseScalar: Shape<T> = (value, folder) => {
    if (typeof value === 'object') throw new Error('must be a single text or number');
    return parse(String(value), folder);
  };
  return new Setting<T | undefined>(parseScalar, { takes });
}

/** Several texts: with commas between them, or as a list of the file. */
export function textList(takes: string): Setting<readonly string[] | undefined> {
  return valueList(takes, (text) => text);
}

/** Several values, each parsed from its text. */
export function valueList<T>(
  takes: string,
  parseOne: (text: string) => T,
): Setting<readonly T[] | undefined> {
  const parse = (value: unknown): readonly T[] =>
    (typeof value === 'object' ? texts(value) : splitTexts(String(value))).map(parseOne);
  return new Setting<readonly T[] | undefined>(parse, { takes, isList: true });
}

function splitTexts(text: string): readonly string[] {
  return text.split(',').map((each) => nonEmpty(each).trim());
}

/** A structure of the configuration file. */
export function structure<T>(takes: string, shape: Shape<T>): Setting<T | undefined> {
  const parse: Shape<T> = (value, folder) => {
    if (typeof value !== 'object') throw new Error('must be a structure, not text');
    return shape(value, folder);
  };
  return new Setting<T | undefined>(parse, { takes, sources: ['file'] });
}

interface Bounds {
  readonly min: number;
  readonly max: number;
}

export function count(bounds: Bounds): Setting<number | undefined> {
  return scalar('number', (text) => {
    match(text, /^\d{1,15}$/, 'must be a whole number');
    return within(Number(text), bounds);
  });
}

/** A duration, in milliseconds. */
export function duration(bounds: Bounds): Setting<Ms | undefined> {
  const units: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  const problem = 'must be a duration with its unit, such as 500ms, 30s, 2m, 1h or 60d';
  return scalar('duration', (value) => {
    const [, number, unit = ''] = match(value, /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/, problem);
    return within(Number(number) * (units[unit] ?? 0), bounds, 'ms') as Ms;
  });
}

/** A size, in bytes. */
export function size(bounds: Bounds): Setting<number | undefined> {
  const units: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
  const problem = 'must be a size with its unit, such as 512KiB or 16MiB';
  return scalar('size', (value) => {
    const [, number, unit = ''] = match(value, /^(\d{1,12})(B|KiB|MiB|GiB)$/, problem);
    return within(Number(number) * (units[unit] ?? 0), bounds, 'B');
  });
}

/** One of several words. */
export function choice<const T extends string>(...words: readonly T[]): Setting<T | undefined> {
  return scalar(words.join(' | '), (text) => {
    const word = words.find((candidate) => candidate === text);
    if (word === undefined) throw new Error(`must be one of ${words.join(', ')}`);
    return word;
  });
}

export function yesOrNo(): Setting<boolean | undefined> {
  return scalar('true | false', (text) => {
    match(text, /^(true|false)$/, 'must be true or false');
    return text === 'true';
  });
}

/** A text of a form. */
export function text(takes: string, form = /\S/, problem = 'must not be empty') {
  return scalar(takes, (value) => match(value, form, problem).input);
}

export function word(takes: string): Setting<string | undefined> {
  return text(takes, /^\S+$/, 'must be one word');
}

export function path(): Setting<string | undefined> {
  return scalar('path', (value, folder) => resolve(folder, nonEmpty(value)));
}

function match(text: string, form: RegExp, problem: string): RegExpExecArray {
  const found = form.exec(text);
  if (!found) throw new Error(problem);
  return found;
}

function within(value: number, { min, max }: Bounds, unit = ''): number {
  if (value >= min && value <= max) return value;
  throw new Error(`must be between ${min}${unit} and ${max}${unit}`);
}
