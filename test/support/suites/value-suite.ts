import {
  bytes,
  type Database,
  float,
  fromNow,
  int,
  type NewRow,
  nullable,
  sql,
  text,
  textArray,
  timestamp,
} from '@postlude/queue/storage';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type OpenSuiteDatabase, values } from './suite-tables.ts';

type NewValues = Omit<NewRow<typeof values>, 'id'>;

/** Writes rows, and returns them as they are read back. A column that was not written is NULL. */
async function roundTrip(db: Database, rows: readonly NewValues[]): Promise<unknown[]> {
  const ids = rows.map((_, index) => `row ${index}`);
  await db.write((tx) =>
    tx.upsert(
      values,
      rows.map((row, index) => ({ ...row, id: ids[index] ?? '' })),
    ),
  );
  const stored = await db.read((tx) => tx.query(sql`SELECT * FROM ${values}`, values.columns));
  const byId = new Map(stored.map(({ id, ...row }) => [id, row]));
  return ids.map((id) => byId.get(id));
}

const NOTHING = Object.fromEntries(
  Object.keys(values.columns)
    .filter((property) => property !== 'id')
    .map((property) => [property, undefined]),
);

const storableText = fc
  .string({ unit: 'binary' })
  .filter((value) => !value.includes('\0') && value.isWellFormed());
const blob = fc.uint8Array({ maxLength: 20 });
/** Times in whole microseconds, as milliseconds, in the years in which a double can distinguish them. */
const microTime = fc
  .integer({ min: Date.UTC(1700, 0), max: Date.UTC(2240, 0) })
  .chain((ms) => fc.integer({ min: 0, max: 999 }).map((micros) => (ms * 1000 + micros) / 1000));
/** In other years, times are in whole milliseconds. */
const milliTime = fc.integer({ min: -62_135_596_800_000, max: Date.UTC(9999, 11, 31) });
const time = fc.oneof(microTime, milliTime);

const anyValues: fc.Arbitrary<NewValues> = fc.record(
  {
    aText: storableText,
    anInt: fc.maxSafeInteger(),
    aFloat: fc.double(),
    aBool: fc.boolean(),
    someBytes: blob,
    aTime: time,
    texts: fc.array(storableText),
    ints: fc.array(fc.maxSafeInteger()),
    blobs: fc.array(blob),
  },
  { requiredKeys: [] },
);

export function testValues(open: OpenSuiteDatabase): void {
  describe('values', () => {
    test('come back unchanged, whatever they are', async () => {
      const db = await open();
      await fc.assert(
        fc.asyncProperty(fc.array(anyValues, { minLength: 1, maxLength: 30 }), async (rows) => {
          const expected = rows.map((row) => ({ ...NOTHING, ...row }));
          expect(await roundTrip(db, rows)).toEqual(expected);
        }),
        { numRuns: 30 },
      );
    });

    test('come back unchanged from parameters of a query as well', async () => {
      const db = await open();
      const at = Date.UTC(2026, 1, 3) + 0.125;
      const [row] = await db.read((tx) =>
        tx.query(
          sql`SELECT ${'a'} AS a, ${7} AS b, ${new Uint8Array([0, 255])} AS c, ${timestamp(at)} AS d,
            ${textArray([])} AS e, ${nullable(text)(undefined)} AS f, ${float(0.5)} AS g`,
          {
            a: text,
            b: int,
            c: bytes,
            d: timestamp,
            e: textArray,
            f: nullable(text),
            g: float,
          },
        ),
      );
      const c = new Uint8Array([0, 255]);
      expect(row).toEqual({ a: 'a', b: 7, c, d: at, e: [], f: undefined, g: 0.5 });
    });

    test('text that looks like syntax stays text', async () => {
      const db = await open();
      const texts = [
        '',
        ' ',
        'NULL',
        'null',
        '{}',
        '{"a"}',
        'a,b',
        '"',
        '\\',
        '\\"',
        "'; --",
        '\n',
        '🦊',
        'é',
        '\ufeff',
        '\ufeff\ufeffmarked twice',
      ];
      expect(await roundTrip(db, [{ texts }, ...texts.map((aText) => ({ aText }))])).toEqual([
        { ...NOTHING, texts },
        ...texts.map((aText) => ({ ...NOTHING, aText })),
      ]);
    });

    test('text keeps a U+FEFF at its beginning, after columns that are NULL too', async () => {
      const db = await open();
      const marked = { aText: '\ufeff<p>', texts: ['\ufeffa', 'b'], anInt: 7 };
      const rows = [marked, {}, { ...marked, aBool: true }, { texts: ['\ufeff'] }];
      expect(await roundTrip(db, rows)).toEqual(rows.map((row) => ({ ...NOTHING, ...row })));
      const [found] = await db.read((tx) =>
        tx.query(sql`SELECT ${'\ufeffx'} AS a, ${'x'} AS b`, { a: text, b: text }),
      );
      expect(found).toEqual({ a: '\ufeffx', b: 'x' });
    });

    test('an empty list is not NULL', async () => {
      const db = await open();
      const empty = { texts: [], ints: [], blobs: [], someBytes: new Uint8Array() };
      expect(await roundTrip(db, [empty, {}])).toEqual([{ ...NOTHING, ...empty }, NOTHING]);
    });

    test.each([
      ['alike', [0, 0]],
      ['different', [0, 60_000, undefined]],
    ])(
      'times from now are by the clock of the database, in rows that are %s',
      async (_, delays) => {
        const db = await open();
        const rows = delays.map((ms, index) => ({
          id: `${index}`,
          aTime: ms === undefined ? undefined : fromNow(ms),
        }));
        await db.insertNew(values, rows);
        const now = await db.serverTime();
        const query = sql`SELECT a_time FROM ${values} ORDER BY id`;
        const stored = await db.read((tx) => tx.query(query, { aTime: nullable(timestamp) }));
        const delaysInMinutes = stored.map(({ aTime }) => {
          return aTime === undefined
            ? undefined
            : Math.abs(Math.round((aTime - now) / 60_000)) * 60_000;
        });
        expect(delaysInMinutes).toEqual(delays);
      },
    );

    test('times keep their microseconds, before 1970 as well', async () => {
      const db = await open();
      const times = [0.001, -0.001, 1_767_323_045_123.456, -1_767_323_045_123.456, 0];
      const rows = times.map((aTime) => ({ aTime }));
      expect(await roundTrip(db, rows)).toEqual(rows.map((row) => ({ ...NOTHING, ...row })));
    });
  });

  describe('what cannot be stored as it is', () => {
    const refused: readonly [string, NewValues][] = [
      ['text with the NUL character', { aText: 'a\0b' }],
      ['text with half a surrogate pair', { aText: 'a\uD800b' }],
      ['a list with the NUL character', { texts: ['fine', '\0'] }],
      ['a number that is not whole', { anInt: 0.5 }],
      ['a number beyond 2^53', { anInt: 2 ** 53 }],
      ['a time that is none', { aTime: Number.NaN }],
      ['a time beyond all calendars', { aTime: 1e18 }],
    ];
    test.each(refused)('%s is refused as invalid-argument', async (_, row) => {
      const db = await open();
      const write = db.write((tx) => tx.insert(values, [{ id: 'refused', ...row }]));
      await expect(write).rejects.toMatchObject({ code: 'invalid-argument' });
    });

    test('in a query as well', async () => {
      const db = await open();
      const read = db.read((tx) => tx.query(sql`SELECT ${'\0'} AS a`, { a: text }));
      await expect(read).rejects.toMatchObject({ code: 'invalid-argument' });
    });
  });
}
