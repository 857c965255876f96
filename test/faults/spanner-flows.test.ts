/** Whole flows on Spanner while a third of all calls fail, in different ways. */

import { Dispatcher, type TaskHandler } from '@postlude/queue';
import {
  CodedError,
  hasCode,
  PermanentError,
  type Random,
  randomInt,
  seededRandom,
  systemRandom,
} from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { describe, expect, test } from 'vitest';
import { decodeEnvelope } from '../../packages/queue/src/tq/classes/envelope.ts';
import { FRESH_MS } from '../../packages/queue/src/tq/reminders/reminder.ts';
import { InProcessSweep } from '../../packages/queue/src/tq/sweep/in-process.ts';
import type { InvocationId } from '../../src/invocations/id.ts';
import { openTestSpanner, testSchema, testSpannerHost } from '../support/databases/databases.ts';
import { violationsOf } from '../support/invocations/finalization-violations.ts';
import { FinalizationWorld } from '../support/invocations/finalization-world.ts';
import { invocationId } from '../support/invocations/fixtures.ts';
import { openProxiedSpanner } from '../support/spanner/spanner-proxy.ts';
import { insist, randomFaults } from '../support/spanner/spanner-random-faults.ts';
import { LETTER, MINUTE, openTaskWorld, PLAIN } from '../support/tasks/task-world.ts';
import { withAfterCommit } from '../support/tq/chaos-process.ts';
import { NEVER, openSweepWorld } from '../support/tq/sweep-world.ts';
import { MAIL } from '../support/tq/tq-world.ts';

const SHARE = 1 / 3;
const ROUNDS = 40;

interface FaultyFlow {
  readonly seed: number;
  readonly random: Random;
  /** The database through the failing network. */
  readonly db: Database;
  readonly direct: Database;
}

async function openFlow(): Promise<FaultyFlow> {
  const seed = randomInt(systemRandom, 1_000_000_000);
  const random = seededRandom(seed);
  const schema = testSchema();
  const direct = await openTestSpanner({ schema });
  const { database } = await openProxiedSpanner(
    schema,
    randomFaults(seededRandom(seed + 1), SHARE),
  );
  return { seed, random, db: database, direct };
}

/** Half of the transactions fail by themselves. Returns those that did not. */
async function commitSome(
  { random }: FaultyFlow,
  names: readonly string[],
  transact: (name: string, check: () => void) => Promise<void>,
): Promise<string[]> {
  const committed: string[] = [];
  for (const name of names) {
    const isRefused = random() < 0.5;
    const check = (): void => {
      if (isRefused) throw new CodedError('invalid-argument', 'refused');
    };
    try {
      await insist(() => transact(name, check));
      committed.push(name);
    } catch (error) {
      if (!hasCode(error, 'invalid-argument')) throw error;
    }
  }
  return committed;
}

const namesOf = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `n${index}`);

describe.skipIf(testSpannerHost() === '')('while a third of all calls fail', () => {
  test('every effect of a task happens once, and no task is left', async () => {
    const flow = await openFlow();
    const world = await openTaskWorld(async () => flow.db);
    const direct = await openTaskWorld(async () => flow.direct);
    const { clock, queue } = world;
    const enqueued = await commitSome(flow, namesOf(24), (id, check) =>
      flow.db.write(async (tx) => {
        await queue.enqueue([{ type: PLAIN, id }], tx);
        check();
      }),
    );
    const handler: TaskHandler<undefined> = {
      type: PLAIN,
      handle: ({ id }, { complete }) =>
        flow.db.write(async (tx) => {
          const letter = { type: LETTER, id, payload: { to: id } };
          const [outcome] = await queue.enqueue([letter], tx);
          if (outcome !== 'enqueued') throw new PermanentError('a second effect');
          await complete(tx);
        }),
    };
    const dispatcher = new Dispatcher({
      queue,
      clock,
      random: flow.random,
      leaseMs: MINUTE,
      workers: 4,
      handlers: [handler],
    });
    const plainLeft = async () => (await direct.living()).filter(({ type }) => type === PLAIN.name);
    for (let round = 0; round < ROUNDS && (await plainLeft()).length > 0; round++) {
      await insist(() => dispatcher.runOnce());
      clock.advance(60 * MINUTE);
    }
    const effects = (await direct.living()).map(({ type, id }) => `${type} ${id}`);
    expect(effects.sort(), `seed ${flow.seed}`).toEqual(
      enqueued.map((id) => `letter ${id}`).sort(),
    );
    expect(await direct.dead()).toEqual([]);
  });

  test('a graph ends completely FINALIZED, with each invocation exported once', async () => {
    const { seed, random, db, direct } = await openFlow();
    const world = new FinalizationWorld(db, { way: 'flipping', seed });
    const seen = new FinalizationWorld(direct);
    const ids = namesOf(7).map(invocationId);
    const pick = (): InvocationId => ids[randomInt(random, ids.length)] ?? invocationId('n0');
    await insist(() => world.create(ids));
    for (const id of ids) await insist(() => world.include(id, [pick(), pick()]));
    for (const id of ids) {
      await insist(() => world.start(id));
      if (random() < 0.3) await runTries(world, seen);
    }
    await runTries(world, seen);
    const after = await seen.snapshot();
    expect(violationsOf(after), `seed ${seed}`).toEqual([]);
    expect([...after.nodes.values()].map(({ state }) => state)).toEqual(ids.map(() => 'FINALIZED'));
  });

  test('every push task of a committed transaction is handled, and no reminder stays', async () => {
    const flow = await openFlow();
    const { tq, clock, submitter, parts } = openSweepWorld(flow.db);
    const direct = openSweepWorld(flow.direct);
    const added = await commitSome(flow, namesOf(24), async (to, check) => {
      const dies = flow.random() < 0.5; // right after its commit
      await flow.db.write(async (tx) => {
        const mine = dies ? withAfterCommit(tx, () => undefined) : tx;
        await tq.addTask({ class: MAIL, payload: { to } }, mine);
        check();
      });
      await tq.idle();
    });
    for (let round = 0; round < ROUNDS && (await direct.left()).length > 0; round++) {
      clock.advance(FRESH_MS);
      await new InProcessSweep(parts, { shards: 4, batchSize: 8 }).run(NEVER);
    }
    const handled = submitter.requests.map((request) =>
      request.kind === 'queue' ? decodeEnvelope(request.body).body : undefined,
    );
    const names = new Set(handled.map((body) => JSON.stringify(body)));
    expect([...names].sort(), `seed ${flow.seed}`).toEqual(
      added.map((to) => JSON.stringify({ to })).sort(),
    );
    expect(await direct.left()).toEqual([]);
    expect(await direct.deadIds()).toEqual([]);
  });
});

/** Repeats until no try is left. */
async function runTries(world: FinalizationWorld, seen: FinalizationWorld): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const tries = await seen.tries();
    if (tries.length === 0) return;
    await Promise.all(tries.map((pending) => insist(() => world.run(pending))));
  }
  throw new Error(`tries are left after ${ROUNDS} rounds`);
}
