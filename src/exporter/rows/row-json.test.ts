import fc from 'fast-check';
import { expect, test } from 'vitest';
import { invocationRowOf, rowOf } from '../../../test/support/exports/export-rows.ts';
import { rowJson } from './row-json.ts';
import { rowBytes } from './row-size.ts';

const text = fc.string({ unit: 'binary' });
const pairs = fc.array(fc.record({ key: text, value: text }), { maxLength: 3 });
const record = fc.record({
  id: text,
  tags: pairs,
  realm: text,
  properties: fc.option(text, { nil: undefined }),
});

test('a row is encoded as JSON.stringify does it, and its size is that of the text', () => {
  const more = fc.record({ exported: record, parent: record, summary_html: text, tags: pairs });
  fc.assert(
    fc.property(more, (more) => {
      const row = rowOf(1, more);
      expect(rowJson(row)).toBe(JSON.stringify(row));
      expect(rowBytes(row)).toBe(Buffer.byteLength(JSON.stringify(row)));
    }),
  );
});

test('the row of an invocation is encoded likewise', () => {
  const row = invocationRowOf('a "quoted" id');
  expect(rowJson(row)).toBe(JSON.stringify(row));
});

test('a record that rows share is encoded once', () => {
  let reads = 0;
  const parent = {
    id: 'shard-1',
    tags: [],
    realm: 'acme:ci',
    get properties() {
      reads += 1;
      return '{}';
    },
  };
  const lines = [1, 2, 3].map((index) => rowJson(rowOf(index, { parent })));
  expect(lines.map((line) => JSON.parse(line).parent.properties)).toEqual(['{}', '{}', '{}']);
  expect(reads).toBe(1);
});
