/** Servers that are unreachable when tests begin: the tests run anyway. */
import assert from 'node:assert/strict';
import type { Scenario } from './scenario.ts';
import { junit } from './stage/reports.ts';

const RED = { passed: 6, failed: 2 };
const TOTALS = { results: 8, unexpected: 2, byStatus: { PASS: 6, FAIL: 2 } };

export const AWAY: readonly Scenario[] = [
  {
    name: 'server-away-then-flush',
    shows:
      'tests run without a server, their exit code stays, and flush uploads their results once',
    stopsServer: true,
    async run(place) {
      await place.write('given.xml', junit(RED));
      await place.server.stop('SIGKILL');
      const { code, err } = await place.recorded(place.run, 'cp given.xml r.xml; exit 5');
      assert.equal(code, 5);
      assert.equal(err.match(/^warning: /gm)?.length, 1, err);
      await place.server.start();
      await place.done('flush');
      await place.done('flush');
      await place.expect(place.run, TOTALS);
      const { properties } = await place.status(place.run);
      assert.equal(properties?.command?.exitCode, 5);
    },
  },
  {
    name: 'server-away-then-record',
    shows: 'the next record uploads what an earlier one could not, for a run that waits for both',
    stopsServer: true,
    async run(place) {
      await place.write('given.xml', junit(RED));
      await place.done('create', place.run, '--expect', `${place.run}-shard-1..2`, '--finalize');
      await place.server.stop('SIGKILL');
      await place.recorded(place.shard(1), 'cp given.xml r.xml; exit 1');
      await place.server.start();
      const second = ['--variant', 'shard:2'];
      const { code } = await place.recorded(place.shard(2), 'cp given.xml r.xml', second);
      assert.equal(code, 0);
      await place.expect(place.run, {
        results: 16,
        unexpected: 4,
        byStatus: { PASS: 12, FAIL: 4 },
      });
    },
  },
  {
    name: 'server-away-and-wanted',
    shows: 'with --if-unreachable fail, no test runs without a server',
    stopsServer: true,
    async run(place) {
      await place.server.stop('SIGKILL');
      const argv = ['--if-unreachable', 'fail'];
      const { code, err } = await place.recorded(place.run, 'echo >ran; exit 5', argv);
      assert.equal(code, 1, err);
      assert.match(err, /cannot reach the server/);
      assert.equal(await place.has('ran'), false);
    },
  },
];
