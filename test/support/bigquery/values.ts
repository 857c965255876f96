/**
 * Values of rows as tests see them, and the values of insertAll turned into such. NULL and empty arrays are left
 * out. TIMESTAMP is a text such as `2026-01-02T03:04:05.000006Z`, BYTES is base64, and an INTEGER that a number
 * cannot hold is a text.
 */
import type { Field, FieldType } from './schema.ts';

export type Value = string | number | boolean | readonly Value[] | Row;
export interface Row {
  readonly [column: string]: Value;
}

export interface ValueError {
  /** The path of the column. */
  readonly location: string;
  readonly message: string;
}

const MIN_TIMESTAMP = -62_135_596_800_000_000n;
const MAX_TIMESTAMP = 253_402_300_799_999_999n;
const MIN_INTEGER = -(2n ** 63n);
const MAX_INTEGER = 2n ** 63n - 1n;

/** Formats microseconds since the epoch; undefined if BigQuery has no such time. */
export function timestampValue(microseconds: bigint): string | undefined {
  if (microseconds < MIN_TIMESTAMP || microseconds > MAX_TIMESTAMP) return undefined;
  const fraction = ((microseconds % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = (microseconds - fraction) / 1_000_000n;
  const text = new Date(Number(seconds) * 1000).toISOString();
  return `${text.slice(0, 19)}.${String(fraction).padStart(6, '0')}Z`;
}

/** An INTEGER, as a number if that is exact. */
export function integerValue(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** Converts a row of insertAll; errors are added to `errors`. */
export class JsonRows {
  readonly #fields: readonly Field[];
  readonly #ignoresUnknown: boolean;

  constructor(fields: readonly Field[], ignoresUnknown: boolean) {
    this.#fields = fields;
    this.#ignoresUnknown = ignoresUnknown;
  }

  convert(json: unknown, errors: ValueError[]): Row {
    return this.#record(json, this.#fields, { path: '', errors });
  }

  #record(json: unknown, fields: readonly Field[], at: Place): Row {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      at.errors.push({ location: at.path, message: `This field: ${at.path} is not a record.` });
      return {};
    }
    const row: Record<string, Value> = {};
    const given = new Map(Object.entries(json).map(([key, value]) => [key.toLowerCase(), value]));
    for (const field of fields) {
      const value = given.get(field.name.toLowerCase());
      given.delete(field.name.toLowerCase());
      const converted = this.#field(value, field, { ...at, path: join(at.path, field.name) });
      if (converted !== undefined) row[field.name] = converted;
    }
    if (!this.#ignoresUnknown) {
      for (const name of given.keys()) {
        const location = join(at.path, name);
        at.errors.push({ location, message: `no such field: ${location}.` });
      }
    }
    return row;
  }

  #field(json: unknown, field: Field, at: Place): Value | undefined {
    const { errors, path } = at;
    if (json === undefined || json === null) {
      if (field.mode === 'REQUIRED') {
        errors.push({ location: path, message: `Missing required field: ${path}.` });
      }
      return undefined;
    }
    if (field.mode !== 'REPEATED') {
      if (!Array.isArray(json)) return this.#single(json, field, at);
      errors.push({ location: path, message: `Array specified for non-repeated field: ${path}.` });
      return undefined;
    }
    // The service takes a single value for an array of one.
    const items: readonly unknown[] = Array.isArray(json) ? json : [json];
    const values = items.map((item) => {
      if (item !== null) return this.#single(item, field, at);
      errors.push({ location: path, message: `Field value of ${path} cannot be empty.` });
      return undefined;
    });
    return values.length === 0 ? undefined : values.filter((value) => value !== undefined);
  }

  #single(json: unknown, field: Field, at: Place): Value | undefined {
    if (field.type === 'RECORD') return this.#record(json, field.fields ?? [], at);
    const value = scalar(json, field.type);
    if (value === undefined) {
      const bad = typeof json === 'object' ? JSON.stringify(json) : String(json);
      const message = `Cannot convert value to ${field.type.toLowerCase()} (bad value): ${bad}`;
      at.errors.push({ location: at.path, message });
    }
    return value;
  }
}

interface Place {
  readonly path: string;
  readonly errors: ValueError[];
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function scalar(json: unknown, type: FieldType): Value | undefined {
  if (type === 'JSON') return jsonText(json);
  if (typeof json === 'object') return undefined;
  switch (type) {
    case 'BOOLEAN':
      if (typeof json === 'boolean') return json;
      return { true: true, false: false }[String(json).toLowerCase()];
    case 'INTEGER':
      return integer(json);
    case 'FLOAT':
      return float(json);
    case 'TIMESTAMP':
      return timestamp(json);
    case 'BYTES':
      return isBase64(String(json)) ? String(json) : undefined;
    default:
      return String(json);
  }
}

function jsonText(json: unknown): string | undefined {
  if (typeof json !== 'string') return JSON.stringify(json);
  return isJson(json) ? json : undefined;
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function integer(json: unknown): number | string | undefined {
  if (typeof json === 'number' && !Number.isInteger(json)) return undefined;
  if (typeof json === 'boolean' || !/^[-+]?\d+$/.test(String(json))) return undefined;
  const value = BigInt(String(json).replace('+', ''));
  return value < MIN_INTEGER || value > MAX_INTEGER ? undefined : integerValue(value);
}

function float(json: unknown): number | string | undefined {
  if (typeof json === 'boolean' || String(json).trim() === '') return undefined;
  if (/^(nan|[-+]?inf(inity)?)$/i.test(String(json))) return String(json);
  const value = Number(json);
  return Number.isFinite(value) ? value : undefined;
}

/** Numbers are seconds since the epoch; texts are that, or dates. */
function timestamp(json: unknown): string | undefined {
  if (typeof json === 'boolean') return undefined;
  const text = String(json).trim();
  if (/^[-+]?\d+(\.\d+)?(e[-+]?\d+)?$/i.test(text)) {
    return timestampValue(BigInt(Math.round(Number(text) * 1e6)));
  }
  const match =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,6})\d*)?)?\s*(UTC|Z|[-+]\d{2}:?\d{2})?$/i.exec(
      text,
    );
  if (!match) return undefined;
  const [, date, time = '00:00:00', fraction = '', zone = 'Z'] = match;
  const offset = /^(UTC|Z)$/i.test(zone) ? 'Z' : zone.replace(/(\d{2}):?(\d{2})$/, '$1:$2');
  const ms = Date.parse(`${date}T${time}${offset}`);
  if (Number.isNaN(ms)) return undefined;
  return timestampValue(BigInt(ms) * 1000n + BigInt(fraction.padEnd(6, '0')));
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/_-]*={0,2}$/.test(text);
}
