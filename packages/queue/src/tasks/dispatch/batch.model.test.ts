/**
 * Compares a batch handler that does anything at random with a model of what must become of each task.
 * Each effect is written in the transaction that completes its task, so a second effect would be noticed.
 */
import { expect, test } from 'vitest';
import { eachDatabase } from '../../../../../test/support/databases/databases.ts';
import { openBatchWorld } from '../../../../../test/support/tasks/dispatcher-world.ts';
import { LETTER, MINUTE } from '../../../../../test/support/tasks/task-world.ts';
import { PermanentError } from '../../foundations/errors.ts';
import { type Random, randomInt, seededRandom, systemRandom } from '../../foundations/random.ts';
import type { Database } from '../../storage/database.ts';
import type { TaskQueue } from '../queue.ts';
import type { BatchContext, Task } from './handler.ts';

const IDS = Array.from('abcdefgh');
type Ending = 'done' | 'poison' | 'permanent' | 'unlucky';
const ENDINGS: readonly Ending[] = ['done', 'done', 'done', 'poison', 'permanent', 'unlucky'];

interface Parts {
  readonly db: Database;
  readonly queue: TaskQueue;
  readonly random: Random;
  readonly endings: ReadonlyMap<string, Ending>;
}

/** Says something of each task, or throws, or both; poison always throws, and permanently if it is alone. */
async function misbehave(
  { db, queue, random, endings }: Parts,
  tasks: readonly Task<undefined>[],
  context: BatchContext<undefined>,
): Promise<void> {
  for (const task of tasks) {
    const ending = endings.get(task.id);
    if (ending === 'permanent') context.fail(task, new PermanentError('never'));
    if (ending === 'unlucky' && task.attempt < 3) {
      context.fail(task, new Error('not yet'), { delayMs: randomInt(random, 1_000) });
    }
  }
  const good = tasks.filter((task) => context.isOpen(task) && endings.get(task.id) !== 'poison');
  const some = good.slice(0, randomInt(random, good.length + 1));
  await db.write(async (tx) => {
    await queue.enqueue(some.map(effectOf), tx);
    await context.complete(tx, some);
    if (random() < 0.2 && tasks.length > 1) throw new Error('rolled back');
  });
  if (tasks.some(({ id }) => endings.get(id) === 'poison')) throw new Error('poison');
  const rest = good.filter(context.isOpen);
  if (rest.length > 0 && random() < 0.5 && tasks.length > 1)
    throw new Error('the rest is too much');
  await db.write(async (tx) => {
    await queue.enqueue(rest.map(effectOf), tx);
    await context.complete(tx, rest);
  });
}

function effectOf({ id, fence }: Task) {
  return { type: LETTER, id: `${id}/${fence}`, payload: { to: id } };
}

eachDatabase((open, _, { scans }) => {
  const openWorld = openBatchWorld(open);

  test('whatever a batch handler does, each task ends as it must, with at most one effect', async () => {
    const first = randomInt(systemRandom, 1_000_000_000);
    for (let seed = first; seed < first + (scans ? 3 : 12); seed++) {
      const random = seededRandom(seed);
      const endings = new Map(
        IDS.map((id) => [id, ENDINGS[randomInt(random, ENDINGS.length)] ?? 'done']),
      );
      const world = await openWorld(
        (tasks, context) => misbehave({ ...world, random, endings }, tasks, context),
        { maxBatch: 1 + randomInt(random, 8), handler: { maxAttempts: 4 } },
      );
      await world.enqueue(...IDS);
      for (let round = 0; round < 5; round++) {
        await world.dispatcher.runOnce();
        world.clock.advance(MINUTE);
      }
      const effects = (await world.living()).map(({ id }) => id.split('/')[0]).toSorted();
      const dead = (await world.dead()).map(({ id }) => id).toSorted();
      const isGood = (id: string): boolean => ['done', 'unlucky'].includes(endings.get(id) ?? '');
      expect({ seed, effects }).toEqual({ seed, effects: IDS.filter(isGood) });
      expect({ seed, dead }).toEqual({ seed, dead: IDS.filter((id) => !isGood(id)) });
    }
  });
});
