import { chunk } from '@postlude/queue/foundations';
import { sql } from '@postlude/queue/storage';
import { describe, expect, test } from 'vitest';
import {
  openTestPostgres,
  testPostgresUrl,
  testSchema,
  withTestClient,
} from '../../test/support/databases/databases.ts';
import { FinalizationWorld } from '../../test/support/invocations/finalization-world.ts';
import { invocationId } from '../../test/support/invocations/fixtures.ts';
import {
  findUnfinalized,
  readFinalizationStates,
  setFinalized,
  setFinalizing,
} from './finalization-state.ts';
import { fromRowId, type InvocationId, toRowOrder } from './id.ts';
import { includedInvocations } from './inclusions.ts';
import { invocations } from './table.ts';

const PARENT = invocationId('parent');
const CHILDREN = toRowOrder(Array.from({ length: 3000 }, (_, n) => invocationId(`c${n}`))).map(
  fromRowId,
);

describe.skipIf(testPostgresUrl() === '')('on a server, with many inclusions', () => {
  test.each([
    ['the first', 0],
    ['the fortieth', 39],
  ])('reads no further than to %s that is not FINALIZED', async (_, place) => {
    const schema = testSchema();
    const db = await openTestPostgres({ schema });
    const world = new FinalizationWorld(db);
    await world.create([PARENT, ...CHILDREN]);
    for (const some of chunk(CHILDREN, 1000)) await world.include(PARENT, some);
    await finalizeAll(world, CHILDREN.slice(0, place));
    await db.statement(sql`ANALYZE ${invocations}, ${includedInvocations}`, {});

    const before = await readsOf(schema);
    const look = { of: PARENT, after: undefined };
    const found = await db.read((reader) => findUnfinalized(reader, look));
    await db.close(); // with it, the server's counters are complete

    expect(found).toBe(CHILDREN[place]);
    expect((await readsOf(schema)) - before).toBeLessThanOrEqual(place + 5);
  });
});

async function finalizeAll(world: FinalizationWorld, ids: readonly InvocationId[]): Promise<void> {
  const now = world.clock.now();
  await world.db.write((tx) =>
    setFinalizing(
      tx,
      ids.map((id) => ({ id })),
      now,
    ),
  );
  await world.db.write(async (tx) => {
    const states = await readFinalizationStates(tx, ids);
    await setFinalized(
      tx,
      states.map((state) => ({ ...state, finalizeTime: now })),
    );
  });
}

/**
 * Returns how many inclusions the server has read so far; no reader of the schema may be at work.
 */
async function readsOf(schema: string): Promise<number> {
  return await withTestClient(async (client) => {
    const { rows } = await client.query(
      `SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes
               WHERE schemaname = $1 AND relname = 'included_invocations')
            + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables
               WHERE schemaname = $1 AND relname = 'included_invocations') AS reads`,
      [schema],
    );
    return Number(rows[0].reads);
  });
}
