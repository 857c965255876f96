/** Shards and runs that are run again. */
import assert from 'node:assert/strict';
import { type ChildCli, CLI_ARGS } from '../flows/child-cli.ts';
import type { Scenario } from './scenario.ts';
import type { Place } from './stage/place.ts';
import { junit } from './stage/reports.ts';

/** Builds a command that uploads a part of its results, then waits to be killed. */
const UNFINISHED = `"$NODE" $MAIN upload --invocation "$POSTLUDE_INVOCATION" part.xml && echo ready $$ && exec sleep 100000`;

function recordUnfinished(place: Place, id: string): ChildCli {
  const argv = ['record', '--id', id, '--lost-after', '10m', '--', 'sh', '-c', UNFINISHED];
  return place.start(argv, { NODE: process.execPath, MAIN: CLI_ARGS.join(' ') });
}

export const RETRIED: readonly Scenario[] = [
  {
    name: 'retried-unfinished',
    shows: 'results of an attempt that was killed do not count beside those of the next one',
    async run(place) {
      await place.write('part.xml', junit({ passed: 580, failed: 20 }));
      await place.write('all.xml', junit({ passed: 1_962, failed: 38 }));
      await place.done('create', place.run, '--expect', place.shard(1), '--finalize');
      const first = recordUnfinished(place, place.shard(1));
      await place.commandOf(first);
      await first.end();
      const second = await place.recorded(place.shard(1), 'cp all.xml r.xml; exit 1');
      assert.equal(second.code, 1);
      await place.expect(place.run, {
        results: 2_000,
        unexpected: 38,
        byStatus: { PASS: 1_962, FAIL: 38 },
      });
      assert.equal((await place.over(place.shard(1))).endCause, 'SUPERSEDED');
    },
  },
  {
    name: 'retried-red-then-green',
    shows: 'a finished red attempt and the green one after it are attempts of the same tests',
    async run(place) {
      await place.write('red.xml', junit({ passed: 2, failed: 1 }));
      await place.write('green.xml', junit({ passed: 3 }));
      const red = await place.recorded(place.shard(1), 'cp red.xml r.xml; exit 1');
      assert.equal(red.code, 1);
      const green = await place.recorded(place.shard(1), 'cp green.xml r.xml');
      assert.equal(green.code, 0, green.err);
      await place.done('create', place.run, '--expect', place.shard(1), '--finalize');
      await place.expect(place.run, {
        results: 6,
        unexpected: 1,
        byStatus: { PASS: 5, FAIL: 1 },
      });
    },
  },
  {
    name: 'retried-three-times',
    shows: 'red, killed and green: the first and the third attempt count, the second does not',
    async run(place) {
      await place.write('red.xml', junit({ passed: 2, failed: 1 }));
      await place.write('part.xml', junit({ passed: 1 }));
      await place.write('green.xml', junit({ passed: 3 }));
      await place.recorded(place.shard(1), 'cp red.xml r.xml; exit 1');
      const killed = recordUnfinished(place, place.shard(1));
      await place.commandOf(killed);
      await killed.end();
      await place.recorded(place.shard(1), 'cp green.xml r.xml');
      await place.done('create', place.run, '--expect', place.shard(1), '--finalize');
      const { includes } = await place.over(place.run);
      assert.deepEqual(includes, [`${place.shard(1)}.attempt-3`]);
      await place.expect(place.run, {
        results: 6,
        unexpected: 1,
        byStatus: { PASS: 5, FAIL: 1 },
      });
    },
  },
  {
    name: 'two-records-at-once',
    shows: 'if two recorders have one id, the later one counts, and the earlier one is told so',
    async run(place) {
      await place.write('first.xml', junit({ passed: 9 }));
      await place.write('second.xml', junit({ passed: 4 }));
      const script =
        'sleep 100000 & trap "kill $!" USR1; echo ready $$; wait $!; cp first.xml r1.xml';
      const first = place.record(place.shard(1), script, ['--reports', 'r1.xml']);
      const command = await place.commandOf(first);
      const second = await place.recorded(place.shard(1), 'cp second.xml r.xml');
      assert.equal(second.code, 0, second.err);
      process.kill(command, 'SIGUSR1');
      const told = await first.ended;
      assert.equal(told.code, 1);
      assert.match(told.err, /what it reported is not in/);
      await place.done('create', place.run, '--include', place.shard(1), '--finalize');
      await place.expect(place.run, { results: 4, unexpected: 0, byStatus: { PASS: 4 } });
    },
  },
  {
    name: 'attempt-of-the-ci-system',
    shows: 'the number of an attempt is the one that GitHub gives',
    async run(place) {
      await place.write('given.xml', junit({ passed: 1 }));
      for (const attempt of ['1', '3']) {
        const argv = ['record', '--id', place.shard(1), '--reports', 'r*.xml', '--json', '--'];
        const record = place.start([...argv, 'cp', 'given.xml', `r${attempt}.xml`], {
          GITHUB_ACTIONS: 'true',
          GITHUB_RUN_ATTEMPT: attempt,
        });
        const { code, err, out } = await record.ended;
        assert.equal(code, 0, err);
        assert.equal(JSON.parse(out).attempt, Number(attempt));
      }
      await place.done('create', place.run, '--include', place.shard(1), '--finalize');
      assert.deepEqual((await place.over(place.run)).includes, [`${place.shard(1)}.attempt-3`]);
      await place.expect(place.run, { results: 2, unexpected: 0, byStatus: { PASS: 2 } });
    },
  },
  {
    name: 'rerun-of-failed-jobs',
    shows: 'a re-run of failed jobs finds the shards of the earlier attempt, and turns green',
    async run(place) {
      await place.write('green.xml', junit({ passed: 3, of: 'one' }));
      await place.write('red.xml', junit({ passed: 2, failed: 1, of: 'two' }));
      await place.write('fixed.xml', junit({ passed: 3, of: 'two' }));
      const create = ['create', place.run, '--next-attempt', '--finalize'];
      const expected = ['--expect', `${place.run}-shard-1..2`];
      await place.recorded(place.shard(1), 'cp green.xml r.xml');
      await place.recorded(place.shard(2), 'cp red.xml r.xml; exit 1');
      await place.done(...create, ...expected);
      await place.expect(place.run, {
        results: 6,
        unexpected: 1,
        byStatus: { PASS: 5, FAIL: 1 },
      });

      const fixed = await place.recorded(place.shard(2), 'cp fixed.xml r.xml');
      assert.equal(fixed.code, 0, fixed.err);
      await place.done(...create, ...expected);
      const again = `${place.run}.attempt-2`;
      await place.expect(again, { results: 9, unexpected: 1, byStatus: { PASS: 8, FAIL: 1 } });
      const { includes } = await place.status(again);
      assert.deepEqual([...includes].sort(), [place.shard(1), `${place.shard(2)}.attempt-2`]);
    },
  },
  {
    name: 'rerun-of-all-jobs',
    shows:
      'a re-run of all jobs is the next attempt at the run, of the next attempts at its shards',
    async run(place) {
      await place.write('given.xml', junit({ passed: 3 }));
      for (const _attempt of [1, 2]) {
        const ended = await place.recorded(place.shard(1), 'cp given.xml r.xml');
        assert.equal(ended.code, 0, ended.err);
        const create = ['create', place.run, '--next-attempt', '--finalize'];
        await place.done(...create, '--expect', place.shard(1));
      }
      await place.expect(place.run, { results: 3, unexpected: 0, byStatus: { PASS: 3 } });
      const again = `${place.run}.attempt-2`;
      await place.expect(again, { results: 6, unexpected: 0, byStatus: { PASS: 6 } });
    },
  },
];
