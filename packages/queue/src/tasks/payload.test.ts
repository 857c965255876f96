import { create } from '@bufbuild/protobuf';
import { DurationSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  bytesPayload,
  jsonPayload,
  noPayload,
  protobufPayload,
  standardPayload,
} from './payload.ts';

const letter = standardPayload(z.object({ to: z.string(), copies: z.int().default(1) }));
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('a payload', () => {
  test('of JSON is returned as its validator returns it', async () => {
    expect(await letter.decode(letter.encode({ to: 'ada', copies: 2 }))).toEqual({
      to: 'ada',
      copies: 2,
    });
    expect(await letter.decode(text('{"to":"ada"}'))).toEqual({ to: 'ada', copies: 1 });
  });

  test.each([
    ['does not fit', text('{"to":7}'), 'string'],
    ['is no JSON', text('{"to":'), 'JSON'],
    ['is missing', undefined, 'JSON'],
  ])('of JSON that %s is refused, with the reason', async (_name, bytes, reason) => {
    await expect(letter.decode(bytes)).rejects.toThrow(reason);
  });

  test('of JSON is refused if JSON cannot represent it', () => {
    const anything = standardPayload(z.any());
    expect(() => anything.encode(undefined)).toThrow(
      expect.objectContaining({ code: 'invalid-argument' }),
    );
    expect(() => anything.encode(1n)).toThrow(TypeError);
  });

  test('of a protobuf message is decoded, and refused if it is not one', () => {
    const payload = protobufPayload(DurationSchema);
    const message = create(DurationSchema, { seconds: 7n, nanos: 5 });
    expect(payload.decode(payload.encode(message))).toEqual(message);
    expect(payload.decode(undefined)).toEqual(create(DurationSchema));
    expect(() => payload.decode(new Uint8Array([8]))).toThrow();
  });

  test('of bytes is stored as it is', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(bytesPayload.decode(bytesPayload.encode(bytes))).toEqual(bytes);
      }),
    );
    expect(bytesPayload.decode(undefined)).toEqual(new Uint8Array());
  });

  test('is refused if the type has none', () => {
    expect(noPayload.decode(noPayload.encode(undefined))).toBeUndefined();
    expect(() => noPayload.decode(new Uint8Array())).toThrow('expected no payload');
  });

  test('of any kind has a form in JSON, which pushed tasks are sent in', async () => {
    const message = create(DurationSchema, { seconds: 7n, nanos: 5 });
    const duration = protobufPayload(DurationSchema);
    expect(duration.typeName).toBe('google.protobuf.Duration');
    expect(duration.fromJson(duration.toJson(message))).toEqual(message);
    expect(bytesPayload.toJson(new Uint8Array([0, 255]))).toBe('AP8=');
    expect(bytesPayload.fromJson('AP8=')).toEqual(new Uint8Array([0, 255]));
    expect(() => bytesPayload.fromJson(7)).toThrow('base64');
    expect(noPayload.fromJson(noPayload.toJson(undefined))).toBeUndefined();
    expect(() => noPayload.fromJson({})).toThrow('expected no payload');
    expect(await letter.fromJson(letter.toJson({ to: 'ada', copies: 2 }))).toEqual({
      to: 'ada',
      copies: 2,
    });
  });

  test('of JSON may be converted by code of its own', async () => {
    const dates = jsonPayload<Date>({
      toJson: (date) => date.toISOString(),
      fromJson: (json) => new Date(String(json)),
    });
    const date = new Date(0);
    expect(dates.encode(date)).toEqual(text('"1970-01-01T00:00:00.000Z"'));
    expect(await dates.decode(dates.encode(date))).toEqual(date);
    await expect(dates.decode(undefined)).rejects.toThrow('JSON');
  });
});
