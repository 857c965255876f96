/**
 * Converts values to and from the form of Spanner's API: 64-bit numbers and times as text, bytes in base64,
 * and lists of these. Both directions are exact.
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

/** The part of google.protobuf.Value that is used here. */
export interface WireValue {
  readonly kind?: string;
  readonly nullValue?: unknown;
  readonly stringValue?: string | null;
  readonly numberValue?: number | null;
  readonly boolValue?: boolean | null;
  readonly listValue?: { readonly values?: readonly WireValue[] | null } | null;
}

/** The part of google.spanner.v1.Type that is used here. */
export interface SpannerType {
  readonly code: 'STRING' | 'INT64' | 'FLOAT64' | 'BOOL' | 'BYTES' | 'TIMESTAMP' | 'ARRAY';
  readonly arrayElementType?: SpannerType;
}

interface Codec {
  readonly type: SpannerType;
  encode(value: unknown): WireValue;
  decode(value: WireValue): unknown;
}

export const NULL: WireValue = { nullValue: 'NULL_VALUE' };

const textCodec = stringCodec('STRING', {
  encode: (value) => checkedText(expectType(value, 'string')),
  decode: (text) => text,
});

const intCodec = stringCodec('INT64', { encode: encodeInt, decode: decodeInt });

const bytesCodec = stringCodec('BYTES', {
  encode: (value) => {
    if (!(value instanceof Uint8Array)) throw wrongType(value, 'bytes');
    const { buffer, byteOffset, byteLength } = value;
    return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
  },
  decode: (text) => new Uint8Array(Buffer.from(text, 'base64')),
});

const CODECS: Readonly<Record<ColumnKind, Codec>> = {
  text: textCodec,
  int: intCodec,
  float: { type: { code: 'FLOAT64' }, encode: encodeFloat, decode: decodeFloat },
  bool: {
    type: { code: 'BOOL' },
    encode: (value) => ({ boolValue: expectType(value, 'boolean') }),
    decode: (value) => value.boolValue === true,
  },
  bytes: bytesCodec,
  timestamp: stringCodec('TIMESTAMP', { encode: encodeTime, decode: decodeTime }),
  'text[]': arrayOf(textCodec),
  'bytes[]': arrayOf(bytesCodec),
  'int[]': arrayOf(intCodec),
};

export function typeOf(kind: ColumnKind): SpannerType {
  return CODECS[kind].type;
}

/** Throws `invalid-argument` if the database could not store the value unchanged. */
export function encodeValue(kind: ColumnKind, value: unknown): WireValue {
  return value === undefined || value === null ? NULL : CODECS[kind].encode(value);
}

/** Returns the value of the API's form; `undefined` for NULL. */
export function decodeValue(kind: ColumnKind, value: WireValue | undefined): unknown {
  return value === undefined || isNull(value) ? undefined : CODECS[kind].decode(value);
}

function isNull(value: WireValue): boolean {
  return value.kind === 'nullValue';
}

interface TextForm {
  encode(value: unknown): string;
  decode(text: string): unknown;
}

function stringCodec(code: SpannerType['code'], { encode, decode }: TextForm): Codec {
  return {
    type: { code },
    encode: (value) => ({ stringValue: encode(value) }),
    decode: (value) => decode(value.stringValue ?? ''),
  };
}

/** The JSON of protocol buffers has no numbers for these three. */
function encodeFloat(value: unknown): WireValue {
  const number = expectType(value, 'number');
  return Number.isFinite(number) ? { numberValue: number } : { stringValue: String(number) };
}

function decodeFloat(value: WireValue): number {
  return value.kind === 'stringValue' ? Number(value.stringValue) : (value.numberValue ?? 0);
}

function encodeTime(value: unknown): string {
  const text = encodeTimestamp(value);
  if (text.indexOf('-') > 4) throw wrongType(value, 'a time before the year 10000');
  return text;
}

const SECONDS_LENGTH = '2026-01-01T00:00:00'.length;

function decodeTime(text: string): number {
  const wholeMs = Date.parse(`${text.slice(0, SECONDS_LENGTH)}Z`);
  if (Number.isNaN(wholeMs))
    throw new CodedError('data-loss', `expected an RFC 3339 time, got ${text}`);
  const nanos = Number(text.slice(SECONDS_LENGTH + 1, -1).padEnd(9, '0'));
  return joinTime(wholeMs, Math.floor(nanos / 1000));
}

function arrayOf(element: Codec): Codec {
  return {
    type: { code: 'ARRAY', arrayElementType: element.type },
    encode: (value) => {
      if (!Array.isArray(value)) throw wrongType(value, 'an array');
      return { listValue: { values: value.map((item) => element.encode(item)) } };
    },
    decode: (value) =>
      (value.listValue?.values ?? []).map((item) => (isNull(item) ? null : element.decode(item))),
  };
}
