/** Invocations that are not ended in time: deadlines, and expected shards. */
import assert from 'node:assert/strict';
import type { Scenario } from './scenario.ts';
import { junit } from './stage/reports.ts';

export const DEADLINES: readonly Scenario[] = [
  {
    name: 'deadline-passed',
    shows: 'an invocation that nobody finalizes is ended by its deadline, and its run with it',
    async run(place) {
      await place.done('create', place.shard(1), '--deadline', '11s');
      await place.done('create', place.run, '--include', place.shard(1), '--finalize');
      await place.expect(place.run, { results: 1, unexpected: 1, byStatus: { ABORT: 1 } });
      assert.equal((await place.over(place.shard(1))).endCause, 'DEADLINE');
      assert.match(await place.why(place.shard(1)), /ended by its deadline/);
    },
  },
  {
    name: 'deadline-passed-while-recording',
    shows: 'results that arrive after the deadline are refused, and record says so',
    async run(place) {
      await place.write('given.xml', junit({ passed: 3 }));
      const script =
        'sleep 100000 & trap "kill $!" USR1; echo ready $$; wait $!; cp given.xml r.xml';
      const record = place.record(place.run, script, ['--deadline', '11s']);
      const command = await place.commandOf(record);
      assert.equal((await place.over(place.run)).endCause, 'DEADLINE');
      process.kill(command, 'SIGUSR1');
      const ended = await record.ended;
      assert.equal(ended.code, 1);
      assert.match(ended.err, /what it reported is not in/);
      await place.expect(place.run, { results: 1, unexpected: 1, byStatus: { ABORT: 1 } });
    },
  },
  {
    name: 'client-clock-behind',
    shows: 'a client whose clock is three days behind has its deadline counted by the server',
    async run(place) {
      await place.write('given.xml', junit({ passed: 3 }));
      await place.write('clock.mjs', 'const now = Date.now; Date.now = () => now() - 259_200_000;');
      const argv = ['record', '--id', place.run, '--deadline', '1h', '--reports', 'r.xml', '--'];
      const record = place.start([...argv, 'cp', 'given.xml', 'r.xml'], {
        NODE_OPTIONS: '--import=./clock.mjs',
      });
      const ended = await record.ended;
      assert.equal(ended.code, 0, ended.err);
      await place.expect(place.run, { results: 3, unexpected: 0, byStatus: { PASS: 3 } });
    },
  },
  {
    name: 'expected-never-appears',
    shows: 'an expected shard that never appears is named at once, and is unexpected in the run',
    async run(place) {
      await place.write('given.xml', junit({ passed: 3 }));
      const expected = ['--expect', `${place.run}-shard-1..2`, '--expect-within', '15s'];
      await place.done('create', place.run, ...expected, '--finalize');
      await place.recorded(place.shard(1), 'cp given.xml r.xml');
      assert.match(await place.why(place.run), /shard-2 is expected, and nobody has begun/);
      await place.expect(place.run, {
        results: 4,
        unexpected: 1,
        byStatus: { PASS: 3, ABORT: 1 },
      });
      assert.equal((await place.over(place.shard(2))).endCause, 'NEVER_APPEARED');
    },
  },
  {
    name: 'expected-then-appears',
    shows: 'a run that is created before its shards waits for them, and is whole',
    async run(place) {
      await place.write('given.xml', junit({ passed: 3 }));
      await place.done('create', place.run, '--expect', `${place.run}-shard-1..2`, '--finalize');
      for (const number of [1, 2]) {
        const variant = ['--variant', `shard:${number}`];
        await place.recorded(place.shard(number), 'cp given.xml r.xml', variant);
      }
      await place.expect(place.run, { results: 6, unexpected: 0, byStatus: { PASS: 6 } });
    },
  },
  {
    name: 'run-created-after-its-shards',
    shows: 'a run that the last job creates has its shards, however they ended',
    async run(place) {
      await place.write('given.xml', junit({ passed: 3, failed: 2 }));
      await place.recorded(place.shard(1), 'cp given.xml r.xml; exit 1');
      const expected = ['--expect', `${place.run}-shard-1..2`, '--expect-within', '1s'];
      await place.done('create', place.run, ...expected, '--finalize');
      await place.expect(place.run, {
        results: 6,
        unexpected: 3,
        byStatus: { PASS: 3, FAIL: 2, ABORT: 1 },
      });
    },
  },
  {
    name: 'expected-by-a-file',
    shows: 'the shards that a file lists are expected',
    async run(place) {
      await place.write('given.xml', junit({ passed: 1 }));
      await place.write('shards.txt', `# shards\n${place.run}-shard-01..02\n`);
      await place.done('create', place.run, '--expect-file', 'shards.txt', '--finalize');
      for (const number of ['01', '02']) {
        await place.recorded(`${place.run}-shard-${number}`, 'cp given.xml r.xml');
      }
      const { includes } = await place.over(place.run);
      assert.equal(includes.length, 2);
      assert.equal((await place.totals(place.run)).results, 2);
    },
  },
];
