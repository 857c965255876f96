import type { Reader } from '@postlude/queue/storage';
import { describe, expect, test } from 'vitest';
import { SqliteDatabase } from '../../../test/support/databases/sqlite-database.ts';
import {
  FINALIZATION_TABLES,
  FinalizationWorld,
} from '../../../test/support/invocations/finalization-world.ts';
import { invocationId } from '../../../test/support/invocations/fixtures.ts';
import { type InvocationId, toRowOrder } from '../../invocations/id.ts';
import { includedPage } from '../../invocations/inclusions.ts';
import { Ledger } from './ledger.ts';

const LEAVES = Array.from({ length: 40 }, (_, index) => invocationId(`leaf${index}`));
/** Parents of 0 to 40 leaves, the long lists among the short ones. */
const SIZES = [3, 0, 40, 1, 5, 40, 4, 2];
const PARENTS = SIZES.map((_, index) => invocationId(`parent${index}`));

async function onLedger(
  check: (ledger: Ledger, reads: () => number, reader: Reader) => Promise<void>,
): Promise<void> {
  const db = new SqliteDatabase(FINALIZATION_TABLES);
  const world = new FinalizationWorld(db);
  await world.create([...PARENTS, ...LEAVES]);
  for (const [index, size] of SIZES.entries()) {
    const parent = PARENTS[index];
    if (parent) await world.include(parent, LEAVES.slice(0, size));
  }
  await db.read(async (reader) => {
    let reads = 0;
    const counting = new Proxy(reader, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return (...given: unknown[]) => {
          reads += 1;
          return member.apply(target, given);
        };
      },
    });
    await check(new Ledger(counting), () => reads, reader);
  });
  await db.close();
}

describe('inclusions that are read for many', () => {
  test.each([1, 4, 16])('have the pages of %i that single reads have', async (limit) => {
    await onLedger(async (ledger, _, reader) => {
      await ledger.loadInclusions(PARENTS);
      for (const parent of PARENTS) {
        let after: InvocationId | undefined;
        do {
          const expected = await includedPage(reader, parent, { after, limit });
          expect(await ledger.includedPage(parent, { after, limit })).toEqual(expected);
          after = expected.at(-1);
        } while (after !== undefined);
      }
    });
  });

  test('take no more reads than there are long lists, and one', async () => {
    await onLedger(async (ledger, reads) => {
      await ledger.loadInclusions(PARENTS);
      expect(reads()).toBeLessThanOrEqual(3);
      for (const parent of PARENTS) await ledger.includedPage(parent, { limit: 1 });
      expect(reads()).toBeLessThanOrEqual(3);
    });
  });
});

test('states are read once, also those of invocations that do not exist', async () => {
  await onLedger(async (ledger, reads) => {
    const ids = [...LEAVES, invocationId('none')];
    await ledger.load(ids);
    for (const id of ids) await ledger.state(id);
    expect(reads()).toBe(1);
    expect(await ledger.state(invocationId('none'))).toBeUndefined();
    expect(toRowOrder(LEAVES)).toHaveLength(40);
  });
});
