/** `create` is repeated, with the same options and with others. */
import assert from 'node:assert/strict';
import type { Scenario } from './scenario.ts';
import { junit } from './stage/reports.ts';

export const REPEATED: readonly Scenario[] = [
  {
    name: 'create-repeated',
    shows: 'a repeated create changes nothing',
    async run(place) {
      const create = ['create', place.run, '--tag', 'a:b', '--finalize'];
      await place.done(...create);
      await place.done(...create);
      const { attempt, lastAttempt } = await place.over(place.run);
      assert.deepEqual({ attempt, lastAttempt }, { attempt: 1, lastAttempt: 1 });
      await place.expect(place.run, { results: 0, unexpected: 0, byStatus: {} });
    },
  },
  {
    name: 'create-adds',
    shows: 'a create that asks for more adds it: inclusions, exports and the end',
    async run(place) {
      await place.write('given.xml', junit({ passed: 3 }));
      await place.recorded(place.shard(1), 'cp given.xml r.xml');
      await place.done('create', place.run);
      const more = ['--include', place.shard(1), '--export', 'ci.added.results', '--finalize'];
      const { out } = await place.done('create', place.run, ...more);
      assert.match(out, /is (FINALIZING|FINALIZED)/);
      await place.expect(place.run, { results: 3, unexpected: 0, byStatus: { PASS: 3 } });
      const exported = JSON.parse((await place.done('export', place.run, '--wait', '--json')).out);
      const added = exported.exports.find(
        (each: { destination: string }) => each.destination === 'ci.added.results',
      );
      assert.deepEqual({ state: added.state, rows: added.rows }, { state: 'DONE', rows: 3 });
    },
  },
  {
    name: 'create-refuses',
    shows: 'a create that asks a complete run for more fails, and says what it lacks',
    async run(place) {
      await place.done('create', place.shard(1), '--finalize');
      await place.done('create', place.run, '--finalize');
      await place.over(place.run);
      const argv = ['create', place.run, '--include', place.shard(1), '--tag', 'a:b'];
      const { code, err } = await place.cli(...argv);
      assert.equal(code, 1);
      assert.match(err, new RegExp(`lacks: the inclusion of invocations/${place.shard(1)}`));
      assert.match(err, /the tag a:b/);
      assert.deepEqual((await place.status(place.run)).includes, []);
    },
  },
  {
    name: 'create-next-attempt',
    shows:
      'a complete run that lacks something is followed by its next attempt where that is asked',
    async run(place) {
      await place.write('given.xml', junit({ passed: 3 }));
      await place.recorded(place.shard(1), 'cp given.xml r.xml');
      await place.done('create', place.run, '--finalize');
      await place.over(place.run);
      const more = ['--include', place.shard(1), '--next-attempt', '--finalize'];
      await place.done('create', place.run, ...more);
      const again = `${place.run}.attempt-2`;
      await place.expect(again, { results: 3, unexpected: 0, byStatus: { PASS: 3 } });
      assert.equal((await place.status(place.run)).lastAttempt, 2);
    },
  },
];
