import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytes, int, nullable, text, textArray } from '../../column.ts';
import type { ResultPart } from '../calls/client.ts';
import { encodeValue, type WireValue } from '../types.ts';
import { RowAssembler } from './result-rows.ts';

const COLUMNS = { aText: text, anInt: nullable(int), some: bytes, texts: textArray };
const NAMES = ['texts', 'some', 'a_text', 'an_int']; // in another order than we ask for

type Piece = { readonly value: WireValue; readonly isCut: boolean };

/** As it arrives: each value says which kind it is. */
function received(value: WireValue): WireValue {
  const [kind = ''] = Object.keys(value);
  const { listValue } = value;
  if (!listValue) return { ...value, kind };
  return { kind, listValue: { values: (listValue.values ?? []).map(received) } };
}

/** A text is cut anywhere; a list between its elements, or within one that is a text. */
function cutValue(value: WireValue, at: number): readonly Piece[] {
  const { stringValue, listValue } = value;
  if (typeof stringValue === 'string') {
    const place = at % (stringValue.length + 1);
    return [
      { value: { ...value, stringValue: stringValue.slice(0, place) }, isCut: true },
      { value: { ...value, stringValue: stringValue.slice(place) }, isCut: false },
    ];
  }
  const elements = listValue?.values;
  const [first, ...others] = elements ?? [];
  if (!first) return [{ value, isCut: false }];
  const [head, tail] = cutValue(first, at);
  if (!head || !tail) return [{ value, isCut: false }];
  return [
    { value: { ...value, listValue: { values: [head.value] } }, isCut: true },
    { value: { ...value, listValue: { values: [tail.value, ...others] } }, isCut: false },
  ];
}

/** A part ends behind each cut, and behind every so many values. */
function toParts(pieces: readonly Piece[], perPart: number): ResultPart[] {
  const metadata = { rowType: { fields: NAMES.map((name) => ({ name })) } };
  const parts: { values: WireValue[]; chunkedValue: boolean }[] = [];
  let open: WireValue[] = [];
  for (const { value, isCut } of pieces) {
    open.push(value);
    if (!isCut && open.length < perPart) continue;
    parts.push({ values: open, chunkedValue: isCut });
    open = [];
  }
  parts.push({ values: open, chunkedValue: false });
  return parts.map((part, index) => (index === 0 ? { ...part, metadata } : part));
}

test('rows are assembled however their values are cut into parts', () => {
  const row = fc.record({
    aText: fc.string(),
    anInt: fc.option(fc.maxSafeInteger(), { nil: undefined }),
    some: fc.uint8Array({ maxLength: 9 }),
    texts: fc.array(fc.string(), { maxLength: 4 }),
  });
  const cut = fc.option(fc.nat(20), { nil: undefined });
  fc.assert(
    fc.property(
      fc.array(row, { maxLength: 6 }),
      fc.infiniteStream(cut),
      fc.integer({ min: 1, max: 7 }),
      (rows, cuts, perPart) => {
        const values = rows.flatMap(({ texts, some, aText, anInt }) => [
          encodeValue('text[]', texts),
          encodeValue('bytes', some),
          encodeValue('text', aText),
          encodeValue('int', anInt),
        ]);
        const pieces = values.map(received).flatMap((value) => {
          const at = cuts.next().value;
          return at === undefined ? [{ value, isCut: false }] : cutValue(value, at);
        });
        const assembler = new RowAssembler(COLUMNS);
        expect(toParts(pieces, perPart).flatMap((part) => assembler.add(part))).toEqual(rows);
      },
    ),
  );
});

test('a column that the query does not select is named', () => {
  const part = { metadata: { rowType: { fields: [{ name: 'other' }] } }, values: [] };
  expect(() => new RowAssembler({ aText: text }).add(part)).toThrow('a_text');
});
