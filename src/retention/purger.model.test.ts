/**
 * Retention against a model of it: maps, and what a few lines of code say should be left. Runs
 * record, include and end; time passes; passes are cut short anywhere, and two run at once.
 */

import { forEachLimit } from '@postlude/queue/foundations';
import { text } from '@postlude/queue/storage';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../test/support/databases/databases.ts';
import { invocationId as id, newTestResult } from '../../test/support/invocations/fixtures.ts';
import { DAY, PurgeWorld, type Stored } from '../../test/support/retention/purge-world.ts';
import { toRowId } from '../invocations/id.ts';
import { invocations } from '../invocations/table.ts';
import { type Deleted, sumDeleted } from './deleted.ts';
import { countExpired } from './dry-run.ts';

interface ModelInvocation {
  state: 'ACTIVE' | 'FINALIZING' | 'FINALIZED';
  readonly expiresAt: number;
  resultsExpireAt: number | undefined;
  readonly results: Map<string, { readonly test: string; readonly expected: boolean }>;
  readonly included: Set<string>;
}

type Model = Map<string, ModelInvocation>;

const NAMES = ['a', 'b', 'c', 'd'];
const PAGES = { pageRows: 2, batchRows: 2, rest: 0 };
const name = fc.constantFrom(...NAMES);
const days = fc.constantFrom(1, 2, 3);

const step = fc.oneof(
  fc.record({ do: fc.constant('create' as const), name, days, resultDays: days }),
  fc.record({
    do: fc.constant('record' as const),
    name,
    test: fc.constantFrom('t', 'u'),
    result: fc.constantFrom('1', '2', '3'),
    expected: fc.boolean(),
  }),
  fc.record({ do: fc.constant('include' as const), name, other: name }),
  fc.record({ do: fc.constant('finalize' as const), name }),
  fc.record({ do: fc.constant('wait' as const), days }),
  fc.record({ do: fc.constant('purge' as const), cutAfter: fc.constantFrom(0, 1, 2, 9) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

async function apply(world: PurgeWorld, model: Model, action: Step): Promise<void> {
  if (action.do === 'wait') return world.clock.advance(action.days * DAY);
  if (action.do === 'purge') return await purge(world, model, action.cutAfter);
  const there = model.get(action.name);
  if (action.do === 'create') {
    if (there === undefined) await create(world, model, action);
  } else if (there?.state === 'ACTIVE') {
    await change({ world, model, there }, action);
  }
}

async function create(
  world: PurgeWorld,
  model: Model,
  action: Extract<Step, { do: 'create' }>,
): Promise<void> {
  const now = world.clock.now();
  const expiresAt = now + action.days * DAY;
  const resultsExpireAt = now + action.resultDays * DAY;
  await world.create(action.name, {
    expirationTime: expiresAt,
    expectedResultsExpirationTime: resultsExpireAt,
  });
  const state = 'ACTIVE';
  model.set(action.name, {
    state,
    expiresAt,
    resultsExpireAt,
    results: new Map(),
    included: new Set(),
  });
}

async function change(
  {
    world,
    model,
    there,
  }: { readonly world: PurgeWorld; readonly model: Model; readonly there: ModelInvocation },
  action: Extract<Step, { do: 'record' | 'include' | 'finalize' }>,
): Promise<void> {
  if (action.do === 'record') {
    const { result: resultId, expected } = action;
    await world.record(action.name, newTestResult(action.test, { resultId, expected }));
    there.results.set(`${action.test} ${resultId}`, { test: action.test, expected });
  } else if (action.do === 'include') {
    if (!model.has(action.other) || action.other === action.name) return;
    await world.include(action.name, action.other);
    there.included.add(action.other);
  } else {
    await world.finalize(action.name);
    there.state = 'FINALIZING';
    settle(model);
  }
}

/** FINALIZED is what reaches nothing ACTIVE. */
function settle(model: Model): void {
  for (const [start, invocation] of model) {
    if (invocation.state !== 'FINALIZING') continue;
    const reached = new Set([start]);
    for (const each of reached)
      for (const next of model.get(each)?.included ?? []) reached.add(next);
    if ([...reached].every((each) => model.get(each)?.state !== 'ACTIVE')) {
      invocation.state = 'FINALIZED';
    }
  }
}

/** A pass that is cut short, two at once, and one that ends alone: what is left is certain then. */
async function purge(world: PurgeWorld, model: Model, cutAfter: number): Promise<void> {
  const stopping = new AbortController();
  const counted = await countExpired(world.parts, PAGES);
  const deleted: Deleted[] = [];
  const onDeleted = (each: Deleted) => {
    if (deleted.push(each) > cutAfter) stopping.abort();
  };
  await world.purge({ ...PAGES, signal: stopping.signal, onDeleted });
  await forEachLimit([1, 2], 2, async () => void (await world.purge({ ...PAGES, onDeleted })));
  await world.purge({ ...PAGES, onDeleted });
  expect(sumDeleted(...deleted)).toEqual(counted);
  const now = world.clock.now();
  for (const [each, { expiresAt, state }] of model) {
    if (state === 'FINALIZED' && expiresAt <= now) remove(model, each);
  }
  for (const invocation of model.values()) {
    const { resultsExpireAt = Number.POSITIVE_INFINITY, state } = invocation;
    if (state === 'FINALIZED' && resultsExpireAt <= now) removeExpected(invocation);
  }
}

function remove(model: Model, gone: string): void {
  model.delete(gone);
  for (const { included } of model.values()) included.delete(gone);
}

function removeExpected(invocation: ModelInvocation): void {
  const results = [...invocation.results];
  const failed = new Set(results.flatMap(([, each]) => (each.expected ? [] : [each.test])));
  for (const [key, each] of results) if (!failed.has(each.test)) invocation.results.delete(key);
  invocation.resultsExpireAt = undefined;
}

function storedIn(model: Model): Stored {
  const all = [...model];
  return {
    invocations: all
      .map(([each, { resultsExpireAt }]) => (resultsExpireAt ? `${each}*` : each))
      .sort(),
    results: all
      .flatMap(([each, { results }]) => [...results.keys()].map((key) => `${each} ${key}`))
      .sort(),
    exonerations: [],
    inclusions: all
      .flatMap(([each, { included }]) => [...included].map((other) => `${each} ${other}`))
      .sort(),
  };
}

/** Removes everything, for the next history. */
async function clear(world: PurgeWorld, model: Model): Promise<void> {
  const active = [...model].flatMap(([each, { state }]) => (state === 'ACTIVE' ? [each] : []));
  await world.finalize(...active);
  world.clock.advance(10 * DAY);
  await world.purge();
  const left = await world.db.read((tx) =>
    tx.readKeys(
      invocations,
      NAMES.map((each) => ({ invocationId: toRowId(id(each)) })),
      { invocationId: text },
    ),
  );
  expect(left).toEqual([]);
}

eachDatabase((open, _name, { scans }) => {
  describe('leaves what the model says', () => {
    test('whatever happened, and wherever passes were cut short', async () => {
      const world = new PurgeWorld(await open());
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
          const model: Model = new Map();
          for (const action of steps) {
            await apply(world, model, action);
            if (action.do === 'purge') expect(await world.stored()).toEqual(storedIn(model));
          }
          await clear(world, model);
        }),
        { numRuns: scans ? 5 : 30 },
      );
    });
  });
});
