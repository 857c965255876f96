import type { Database } from '@postlude/queue/storage';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../test/support/databases/databases.ts';
import { SqliteDatabase } from '../../test/support/databases/sqlite-database.ts';
import { invocationId } from '../../test/support/invocations/fixtures.ts';
import { type InvocationId, toRowId } from './id.ts';
import { includeAttempts, includedInvocations } from './inclusions.ts';
import { readReachable, sameSnapshot } from './reachable.ts';
import { invocations } from './table.ts';

type Edges = readonly (readonly [number, number])[];

async function write(db: Database, edges: Edges): Promise<void> {
  const rows = edges.map(([from, to]) => ({
    invocationId: toRowId(idOf(from)),
    includedInvocationId: toRowId(idOf(to)),
  }));
  await db.write((tx) => tx.upsert(includedInvocations, rows));
}

function idOf(node: number): InvocationId {
  return invocationId(`n${node}`);
}

/** The plain textbook walk. */
function oracle(edges: Edges, root: number): Set<InvocationId> {
  const seen = new Set([root]);
  for (let grown = true; grown; ) {
    const found = edges.filter(([from, to]) => seen.has(from) && !seen.has(to));
    grown = found.length > 0;
    for (const [, to] of found) seen.add(to);
  }
  return new Set([...seen].map(idOf));
}

eachDatabase((open, _database, traits) => {
  describe('the walk', () => {
    test.each([
      ['nothing below', [], ['n0']],
      [
        'two children',
        [
          [0, 1],
          [0, 2],
        ],
        ['n0', 'n1', 'n2'],
      ],
      [
        'a chain',
        [
          [0, 1],
          [1, 2],
        ],
        ['n0', 'n1', 'n2'],
      ],
      [
        'a cycle',
        [
          [0, 1],
          [1, 0],
        ],
        ['n0', 'n1'],
      ],
      ['a self-inclusion', [[0, 0]], ['n0']],
      [
        'a diamond',
        [
          [0, 1],
          [0, 2],
          [1, 3],
          [2, 3],
        ],
        ['n0', 'n1', 'n2', 'n3'],
      ],
      [
        'what is not below',
        [
          [1, 0],
          [2, 1],
        ],
        ['n0'],
      ],
    ] as const)('with %s', async (_, edges: Edges, reached) => {
      const db = await open();
      await write(db, edges);
      const found = await readReachable(db, [idOf(0)]);
      expect([...found].toSorted()).toEqual(reached);
    });

    test.skipIf(traits.scans)('goes on beyond a page of inclusions', async () => {
      const db = await open();
      const edges = Array.from({ length: 12_001 }, (_, index) => [0, index + 1] as const);
      await write(db, edges);
      expect((await readReachable(db, [idOf(0)])).size).toBe(12_002);
    });

    test('leaves out superseded attempts, but not what they include', async () => {
      const db = await open();
      await write(db, [
        [0, 1],
        [0, 4],
      ]);
      await db.write((tx) =>
        includeAttempts(tx, [
          { including: idOf(1), included: idOf(2), supersedes: true },
          { including: idOf(2), included: idOf(3) },
        ]),
      );
      const found = await readReachable(db, [idOf(0)]);
      expect([...found].toSorted()).toEqual(['n0', 'n2', 'n3', 'n4']);
      const named = await readReachable(db, [idOf(1)]);
      expect([...named].toSorted()).toEqual(['n2', 'n3']);
    });

    test('starts from several roots, or none', async () => {
      const db = await open();
      await write(db, [
        [0, 1],
        [2, 3],
      ]);
      expect((await readReachable(db, [idOf(0), idOf(2)])).size).toBe(4);
      expect((await readReachable(db, [])).size).toBe(0);
    });

    test('fits into one snapshot', async () => {
      const db = await open();
      await write(db, [[0, 1]]);
      const found = await db.read((reader) => readReachable(sameSnapshot(reader), [idOf(0)]));
      expect(found.size).toBe(2);
    });
  });
});

test('finds what a textbook graph walk finds, each once', async () => {
  const node = fc.nat({ max: 8 });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(node, node), { maxLength: 30 }), async (edges) => {
      const db = new SqliteDatabase([invocations, includedInvocations]);
      await write(db, edges);
      expect(await readReachable(db, [idOf(0)])).toEqual(oracle(edges, 0));
      await db.close();
    }),
    { numRuns: 100 },
  );
});
