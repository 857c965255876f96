/**
 * Compares the queue with a model of it: a map, and a few lines of code that say what should happen. Several
 * workers lease, settle, and stall past their leases before they settle; nothing may differ.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../test/support/databases/databases.ts';
import { MINUTE, openTaskWorld, PLAIN } from '../../../../test/support/tasks/task-world.ts';
import { LOOK_BEHIND_MS } from './lease/claim.ts';
import type { Lease, SettleOutcome } from './task.ts';

type World = Awaited<ReturnType<typeof openTaskWorld>>;

interface ModelTask {
  due: number;
  attempt: number;
  /** The number of its lease until that is settled. Leases are numbered in the order in which they are taken. */
  holder: number | undefined;
  leaseUntil: number;
  /** When it was last enqueued, retried or released. */
  appearedAt: number;
}

interface Model {
  readonly living: Map<string, ModelTask>;
  readonly dead: Map<string, number>;
  readonly leases: { readonly lease: Lease; readonly id: string }[];
  /** The first task that the last claim took. A task that has appeared before it just now may be overlooked. */
  mark: { readonly processAfter: number; readonly id: string };
  /** Whether the last claim was full. If the queue has shards, the next claim then reads only one of them. */
  isLong: boolean;
}

const IDS = ['a', 'b', 'c', 'd'];
const id = fc.constantFrom(...IDS);
/** Picks a lease, counted from the newest: mostly one that is held, or was settled just now. */
const held = fc.oneof(fc.nat({ max: 1 }), fc.nat({ max: 6 }), fc.nat({ max: 30 }));

const step = fc.oneof(
  fc.record({ do: fc.constant('enqueue' as const), id, delay: fc.constantFrom(0, 0, 500, MINUTE) }),
  fc.record({ do: fc.constant('enqueue' as const), id, delay: fc.constant(0) }),
  fc.record({ do: fc.constant('lease' as const), id }),
  fc.record({ do: fc.constant('leaseDue' as const), limit: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ do: fc.constant('leaseDue' as const), limit: fc.constant(1) }),
  fc.record({ do: fc.constant('complete' as const), held }),
  fc.record({ do: fc.constant('completeInTx' as const), held }),
  fc.record({ do: fc.constant('retry' as const), held, delay: fc.constantFrom(0, 500, MINUTE) }),
  fc.record({ do: fc.constant('release' as const), held }),
  fc.record({ do: fc.constant('extend' as const), held }),
  fc.record({ do: fc.constant('mark dead' as const), held }),
  fc.record({ do: fc.constant('redrive' as const), id: fc.option(id, { nil: undefined }) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 500, MINUTE) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

async function apply(world: World, model: Model, action: Step): Promise<void> {
  const { queue, clock, db } = world;
  const now = clock.now();
  switch (action.do) {
    case 'wait':
      clock.advance(action.ms);
      return;
    case 'enqueue': {
      const task = { type: PLAIN, id: action.id, processAfter: now + action.delay };
      const expected = model.living.has(action.id) ? 'duplicate' : 'enqueued';
      expect(await queue.enqueue([task])).toEqual([expected]);
      if (expected === 'enqueued') model.living.set(action.id, fresh(now + action.delay, now));
      return;
    }
    case 'lease': {
      const lease = await queue.lease('plain', action.id, MINUTE);
      expect(lease !== undefined).toBe(isFree(model.living.get(action.id), now));
      if (lease) take(model, lease, now);
      return;
    }
    case 'leaseDue': {
      const leases = await queue.leaseDue('plain', action.limit, MINUTE);
      const hasShards = db.dialect.indexShards.length > 0;
      checkClaim(model, { leases, limit: action.limit, now, hasShards });
      for (const lease of leases) take(model, lease, now);
      return;
    }
    case 'redrive': {
      const wanted = [...model.dead.keys()].filter((name) => (action.id ?? name) === name);
      const redriven = wanted.filter((name) => !model.living.has(name));
      const selection = action.id === undefined ? {} : { type: 'plain', id: action.id };
      expect(await queue.redrive(selection)).toBe(redriven.length);
      for (const name of redriven) {
        model.dead.delete(name);
        model.living.set(name, fresh(now, now));
      }
      return;
    }
    default:
      await settle(world, model, action);
  }
}

interface Claimed {
  readonly leases: readonly Lease[];
  readonly limit: number;
  readonly now: number;
  readonly hasShards: boolean;
}

/** Expects the oldest free tasks or, on a long queue with shards, the oldest of any shard that has enough. */
function checkClaim(model: Model, claimed: Claimed): void {
  const { leases, limit, now, hasShards } = claimed;
  const isOfOneShard = hasShards && model.isLong;
  model.isLong = leases.length === limit;
  if (!isOfOneShard) {
    checkOldest(model, claimed);
    return;
  }
  const free = [...model.living].filter(([, task]) => isFree(task, now));
  expect(leases).toHaveLength(Math.min(limit, free.length));
  expect(Object.fromEntries(free)).toMatchObject(
    Object.fromEntries(leases.map(({ id: name }) => [name, {}])),
  );
}

/** Expects the oldest free tasks, except those that appeared before the mark and are found a little later. */
function checkOldest(model: Model, { leases, limit, now }: Claimed): void {
  const ids = leases.map((lease) => lease.id);
  const free = [...model.living].filter(([, task]) => isFree(task, now));
  const oldest = free.sort(([a, x], [b, y]) => x.due - y.due || (a < b ? -1 : 1));
  const isToBeFound = ([name, task]: [string, ModelTask]): boolean =>
    ids.length === 0 ||
    ids.includes(name) ||
    !isBehind({ processAfter: task.due, id: name }, model.mark) ||
    now - Math.max(task.appearedAt, task.leaseUntil) >= LOOK_BEHIND_MS;
  const found = oldest.filter(isToBeFound).slice(0, limit);
  expect(ids).toEqual(found.map(([name]) => name));
  model.mark = leases[0] ?? model.mark;
}

function isBehind(a: Model['mark'], b: Model['mark']): boolean {
  return a.processAfter - b.processAfter < 0 || (a.processAfter === b.processAfter && a.id < b.id);
}

type Settling = Extract<Step, { readonly held: number }>;

async function settle(world: World, model: Model, action: Settling): Promise<void> {
  const index = model.leases.length - 1 - action.held;
  const held = model.leases[index];
  if (held === undefined) return;
  const task = model.living.get(held.id);
  const isHeld = task?.holder === index;
  expect(await outcomeOf(world, held.lease, action)).toBe(isHeld ? 'done' : 'lost');
  if (isHeld && task) settleModel(model, { id: held.id, task, action, now: world.clock.now() });
}

async function outcomeOf(world: World, lease: Lease, action: Settling): Promise<SettleOutcome> {
  const { db, queue } = world;
  switch (action.do) {
    case 'complete':
      return await queue.complete(lease);
    case 'completeInTx':
      return await db
        .write((tx) => queue.complete(lease, tx))
        .catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'lease-lost' });
          return 'lost' as const;
        });
    case 'retry':
      return await queue.retry(lease, { error: 'again', delayMs: action.delay });
    case 'release':
      return (await queue.release([lease]))[0] ?? 'lost';
    case 'extend':
      return (await queue.extend([lease], MINUTE))[0] ?? 'lost';
    case 'mark dead':
      return await queue.markDead(lease, 'enough');
  }
}

interface Settled {
  readonly id: string;
  readonly task: ModelTask;
  readonly action: Settling;
  readonly now: number;
}

function settleModel(model: Model, { id: name, task, action, now }: Settled): void {
  switch (action.do) {
    case 'complete':
    case 'completeInTx':
      model.living.delete(name);
      return;
    case 'retry':
      task.due = now + action.delay;
      task.holder = undefined;
      task.leaseUntil = 0;
      task.appearedAt = now;
      return;
    case 'release':
      task.attempt -= 1;
      task.holder = undefined;
      task.leaseUntil = 0;
      task.appearedAt = now;
      return;
    case 'extend':
      task.leaseUntil = now + MINUTE;
      return;
    case 'mark dead':
      model.living.delete(name);
      model.dead.set(name, task.attempt);
  }
}

function take(model: Model, lease: Lease, now: number): void {
  const task = model.living.get(lease.id);
  if (!task) throw new Error(`leased ${lease.id}, which is not there`);
  task.attempt += 1;
  task.leaseUntil = now + MINUTE;
  task.holder = model.leases.length;
  model.leases.push({ lease, id: lease.id });
  expect(lease.attempt).toBe(task.attempt);
}

function fresh(due: number, now: number): ModelTask {
  return { due, attempt: 0, holder: undefined, leaseUntil: 0, appearedAt: now };
}

function isFree(task: ModelTask | undefined, now: number): boolean {
  return task !== undefined && task.due <= now && task.leaseUntil <= now;
}

eachDatabase((open, name, { scans }) => {
  describe('the queue', () => {
    test('behaves as its model does', async () => {
      const numRuns = name === 'pglite' ? 40 : 15;
      const steps = fc.array(step, { minLength: 10, maxLength: 60, size: 'max' });
      await fc.assert(
        fc.asyncProperty(steps, async (actions) => {
          const world = await openTaskWorld(open);
          const mark = { processAfter: 0, id: '' };
          const model: Model = {
            living: new Map(),
            dead: new Map(),
            leases: [],
            mark,
            isLong: false,
          };
          for (const action of actions) await apply(world, model, action);
          const living = (await world.living()).map(({ id: task, attempt }) => [task, attempt]);
          expect(Object.fromEntries(living)).toEqual(
            Object.fromEntries([...model.living].map(([task, { attempt }]) => [task, attempt])),
          );
          const dead = (await world.dead()).map(({ id: task, attempt }) => [task, attempt]);
          expect(Object.fromEntries(dead)).toEqual(Object.fromEntries(model.dead));
        }),
        { numRuns, endOnFailure: scans }, // a search for a simpler failure would take hours there
      );
    });
  });
});
