import { createFileRegistry, fromBinary, fromJson } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Column } from '../../rows/schema.ts';
import { TEST_RESULT_COLUMNS } from '../../rows/schema.ts';
import { protoEncoder } from './proto-row.ts';
import { type MessageDescriptor, toMessageDescriptor } from './proto-schema.ts';

const column = (more: Partial<Column> & Pick<Column, 'name' | 'type'>): Column => ({
  mode: 'NULLABLE',
  fields: [],
  description: '',
  ...more,
});

const COLUMNS: readonly Column[] = [
  column({ name: 'text', type: 'STRING' }),
  column({ name: 'flag', type: 'BOOL' }),
  column({ name: 'count', type: 'INTEGER' }),
  column({ name: 'seconds', type: 'FLOAT' }),
  column({ name: 'time', type: 'TIMESTAMP' }),
  column({ name: 'record', type: 'RECORD', fields: [column({ name: 'id', type: 'STRING' })] }),
  column({
    name: 'pairs',
    type: 'RECORD',
    mode: 'REPEATED',
    fields: [
      column({ name: 'key', type: 'STRING' }),
      column({ name: 'inner', type: 'RECORD', fields: [column({ name: 'n', type: 'INTEGER' })] }),
    ],
  }),
];

/** Reads a row as BigQuery does: by the descriptor alone. */
function decode(bytes: Uint8Array): object {
  const file = { name: 'row.proto', syntax: 'proto2', messageType: [resolved('', descriptor)] };
  const set = fromJson(FileDescriptorSetSchema, { file: [file] });
  const schema = createFileRegistry(set).getMessage('Row');
  if (!schema) throw new Error('no message');
  return toPlain(reflect(schema, fromBinary(schema, bytes)));
}

const descriptor = toMessageDescriptor(COLUMNS);

/** The registry wants the full names of types. */
// biome-ignore lint/suspicious/noExplicitAny: JSON of a descriptor
function resolved(scope: string, { name, field, nestedType }: MessageDescriptor): any {
  const path = `${scope}.${name}`;
  return {
    name,
    field: field.map((one) => ({
      ...one,
      ...(one.typeName ? { typeName: `${path}.${one.typeName}` } : {}),
    })),
    nestedType: nestedType.map((nested) => resolved(path, nested)),
  };
}

// biome-ignore lint/suspicious/noExplicitAny: a message of any type
function toPlain(message: any): object {
  const plain: Record<string, unknown> = {};
  for (const field of message.sortedFields) {
    if (!message.isSet(field)) continue;
    const value = message.get(field);
    if (field.fieldKind === 'list') plain[field.name] = [...value].map(toPlain);
    else plain[field.name] = field.fieldKind === 'message' ? toPlain(value) : value;
  }
  return plain;
}

test('a row is read back by its descriptor, with all that it has', () => {
  const row = {
    text: 'é\u{1F600}',
    flag: false,
    count: -5,
    seconds: 0.25,
    time: 1_767_323_045_000_001,
    record: { id: '' },
    pairs: [{ key: 'a', inner: { n: 1 } }, { key: 'b' }],
  };
  expect(decode(protoEncoder(COLUMNS)(row))).toEqual({
    ...row,
    count: -5n,
    time: 1_767_323_045_000_001n,
    pairs: [{ key: 'a', inner: { n: 1n } }, { key: 'b' }],
  });
});

test('what is undefined is left out, which is NULL', () => {
  const encode = protoEncoder(COLUMNS);
  expect(decode(encode({ text: undefined, pairs: [] }))).toEqual({});
  expect(decode(encode({ text: '', count: 0 }))).toEqual({ text: '', count: 0n });
});

test('the rows of one invocation share its encoded record', () => {
  const encode = protoEncoder(COLUMNS);
  const record = { id: 'x' };
  const first = encode({ record });
  expect(encode({ record })).toEqual(first);
  expect(decode(encode({ record: { id: 'y' } }))).toEqual({ record: { id: 'y' } });
});

test('columns keep their numbers when others are added at the end', () => {
  const numbers = toMessageDescriptor(TEST_RESULT_COLUMNS).field.map(({ name, number }) => [
    name,
    number,
  ]);
  expect(numbers.slice(0, 3)).toEqual([
    ['exported', 1],
    ['parent', 2],
    ['test_id', 3],
  ]);
});

test('rows of any size and any text are what a general writer makes of them', () => {
  const one: readonly Column[] = [
    column({ name: 'text', type: 'STRING' }),
    column({
      name: 'pairs',
      type: 'RECORD',
      mode: 'REPEATED',
      fields: [column({ name: 'n', type: 'INTEGER' }), column({ name: 'f', type: 'FLOAT' })],
    }),
  ];
  const encode = protoEncoder(one);
  const pair = fc.record({ n: fc.maxSafeInteger(), f: fc.double() });
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.nat(200_000).map((length) => 'é'.repeat(length)),
  );
  fc.assert(
    fc.property(text, fc.array(pair), (value, pairs) => {
      const expected = new BinaryWriter().tag(1, WireType.LengthDelimited).string(value);
      for (const { n, f } of pairs) {
        expected.tag(2, WireType.LengthDelimited).fork();
        expected.tag(1, WireType.Varint).int64(n).tag(2, WireType.Bit64).double(f).join();
      }
      expect(Buffer.compare(encode({ text: value, pairs }), expected.finish())).toBe(0);
    }),
  );
});
