/**
 * The SQL type of each column kind, and the conversion of values to and from PostgreSQL's text form. That
 * form is the same with every driver, and exact: it keeps 64-bit numbers, microseconds and bytes.
 */
import { CodedError } from '../../foundations/errors.ts';
import {
  checkedText,
  decodeInt,
  encodeInt,
  encodeTimestamp,
  expectType,
  joinTime,
  wrongType,
} from '../backend/checked-value.ts';
import type { ColumnKind } from '../column.ts';
import { decodeArray, encodeArray, encodeRepeated } from './array-literal.ts';

/** A value in its text form; `null` is NULL. */
export type WireValue = string | null;

/** A parameter: a value in its text form or, for drivers that can send it, in its binary form. */
export type WireParam = WireValue | Buffer;

interface WireType {
  readonly sqlType: string;
  encode(value: unknown): string;
  decode(text: string): unknown;
}

const textType: WireType = {
  sqlType: 'text',
  encode: (value) => checkedText(expectType(value, 'string')),
  decode: (text) => text,
};

const intType: WireType = { sqlType: 'bigint', encode: encodeInt, decode: decodeInt };

const bytesType: WireType = {
  sqlType: 'bytea',
  encode: (value) => {
    if (!(value instanceof Uint8Array)) throw wrongType(value, 'bytes');
    const { buffer, byteOffset, byteLength } = value;
    return `\\x${Buffer.from(buffer, byteOffset, byteLength).toString('hex')}`;
  },
  decode: (text) => {
    if (!text.startsWith('\\x')) {
      throw new CodedError('failed-precondition', 'postlude needs bytea_output = hex');
    }
    return new Uint8Array(Buffer.from(text.slice(2), 'hex'));
  },
};

const TYPES: Readonly<Record<ColumnKind, WireType>> = {
  text: textType,
  int: intType,
  float: {
    sqlType: 'double precision',
    // String(-0) is '0'
    encode: (value) => (Object.is(value, -0) ? '-0' : String(expectType(value, 'number'))),
    decode: Number,
  },
  bool: {
    sqlType: 'boolean',
    encode: (value) => String(expectType(value, 'boolean')),
    decode: (text) => text === 't' || text === 'true',
  },
  bytes: bytesType,
  timestamp: { sqlType: 'timestamptz', encode: encodeTimestamp, decode: decodeAnyTimestamp },
  'text[]': arrayOf(textType),
  'bytes[]': arrayOf(bytesType),
  'int[]': arrayOf(intType),
};

/** Returns the SQL type as a cast names it: `bigint`, `text[]`. */
export function sqlTypeOf(kind: ColumnKind): string {
  return TYPES[kind].sqlType;
}

/** Throws `invalid-argument` if the database could not store the value unchanged. */
export function encodeValue(kind: ColumnKind, value: unknown): WireValue {
  return value === undefined || value === null ? null : TYPES[kind].encode(value);
}

/** Returns the value of a text form; `undefined` for NULL. */
export function decodeValue(kind: ColumnKind, text: WireValue): unknown {
  return text === null ? undefined : TYPES[kind].decode(text);
}

/**
 * Returns a function that decodes the values of one column in turn. Rows that are read together often hold
 * equal lists, of which one array is made as long as they follow one another, and times of one second.
 */
export function columnDecoder(kind: ColumnKind): (text: WireValue) => unknown {
  if (kind === 'timestamp') return orUndefined(timestampDecoder());
  if (kind !== 'text[]') return (text) => decodeValue(kind, text);
  let last: { readonly text: WireValue; readonly value: unknown } = {
    text: null,
    value: undefined,
  };
  return (text) => {
    if (text !== last.text) last = { text, value: decodeValue(kind, text) };
    return last.value;
  };
}

function orUndefined(decode: (text: string) => unknown): (text: WireValue) => unknown {
  return (text) => (text === null ? undefined : decode(text));
}

/** Encodes many values of one column as one parameter. Each value of an array column is sent as text. */
export function encodeColumn(kind: ColumnKind, values: readonly unknown[]): string {
  const [first] = values;
  if (values.every((value) => value === first)) {
    return encodeRepeated(encodeValue(kind, first), values.length);
  }
  return encodeArray(values.map((value) => encodeValue(kind, value)));
}

const TIMESTAMP =
  /^(\d{4,})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?$/;

const UTC_SECOND = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;

/** Remembers the last second: rows that are read together mostly share it, and most sessions use UTC. */
function timestampDecoder(): (text: string) => number {
  let last = { second: '', ms: 0 };
  return (text) => {
    if (!text.endsWith('+00') || text.length > 29) return decodeAnyTimestamp(text);
    const second = text.slice(0, 19);
    if (second !== last.second) {
      if (!UTC_SECOND.test(second)) return decodeAnyTimestamp(text);
      last = { second, ms: decodeAnyTimestamp(`${second}+00`) };
    }
    if (text.length === 22) return last.ms;
    const micros = Number(text.slice(20, -3).padEnd(6, '0'));
    return joinTime(last.ms, micros);
  };
}

function decodeAnyTimestamp(text: string): number {
  const match = TIMESTAMP.exec(text);
  if (!match) throw new CodedError('failed-precondition', `expected an ISO time, got ${text}`);
  const part = (index: number): number => Number(match[index] ?? 0);
  const date = new Date(0);
  date.setUTCFullYear(part(1), part(2) - 1, part(3));
  date.setUTCHours(part(4), part(5), part(6));
  const offsetMs = (part(9) * 3600 + part(10) * 60 + part(11)) * 1000;
  const wholeMs = date.getTime() - (match[8] === '-' ? -offsetMs : offsetMs);
  const micros = Number((match[7] ?? '').padEnd(6, '0'));
  return joinTime(wholeMs, micros);
}

function arrayOf(element: WireType): WireType {
  return {
    sqlType: `${element.sqlType}[]`,
    encode: (value) => {
      if (!Array.isArray(value)) throw wrongType(value, 'an array');
      return encodeArray(value.map((item) => element.encode(item)));
    },
    decode: (text) =>
      decodeArray(text).map((item) => (item === null ? null : element.decode(item))),
  };
}
