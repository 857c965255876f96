import { expect, test } from 'vitest';
import { SqliteDatabase } from '../../../../../test/support/databases/sqlite-database.ts';
import { LETTER, PLAIN } from '../../../../../test/support/tasks/task-world.ts';
import type { Database } from '../../storage/database.ts';
import { spannerDialect } from '../../storage/spanner/dialect.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { selectDue } from '../lease/due.ts';
import { TaskQueue } from '../queue.ts';
import { deadTasks, tasks } from '../table.ts';
import { Dispatcher } from './dispatcher.ts';

/** Counts the calls to a database on which tasks are claimed by reading and then checking. */
function openCounting() {
  const db = new SqliteDatabase([tasks, deadTasks]);
  const counts = { reads: 0, writes: 0 };
  const read: Database['read'] = (fn) => {
    counts.reads += 1;
    return db.read(fn);
  };
  const write: Database['write'] = (fn) => {
    counts.writes += 1;
    return db.write(fn);
  };
  return { db: Object.assign(Object.create(db) as Database, { read, write }), counts };
}

test('an idle dispatcher of two types reads 120 times a minute, and writes nothing', async () => {
  const { db, counts } = openCounting();
  const clock = new FakeClock();
  const dispatcher = new Dispatcher({
    queue: new TaskQueue({ db, clock }),
    handlers: [PLAIN, LETTER].map((type) => ({ type, handle: async () => undefined })),
    clock,
    random: () => 0.5, // the mean of the jitter
    pollMs: 1_000,
  });
  const stop = new AbortController();
  const running = dispatcher.run(stop.signal);
  await clock.untilSleepers(2);
  Object.assign(counts, { reads: 0, writes: 0 });
  for (let second = 0; second < 60; second++) {
    clock.advance(1_000);
    await clock.untilSleepers(2);
  }
  stop.abort();
  await running;
  expect(counts).toEqual({ reads: 120, writes: 0 });
});

test('all shards are read by one query, each part of which is bounded and uses the index of its shard', () => {
  const { parts } = selectDue(spannerDialect, { type: 'plain', now: spannerDialect.now, limit: 7 });
  const text = parts.map((part) => (part.type === 'text' ? part.text : '?')).join('');
  expect(
    text.match(/shard = \d+ AND type = \? AND process_after <= CURRENT_TIMESTAMP\(\)/g),
  ).toHaveLength(16);
  expect(text.match(/ORDER BY process_after, id LIMIT \?/g)).toHaveLength(17);
});
