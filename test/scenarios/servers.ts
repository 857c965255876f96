/** Servers that go away in the middle of a pipeline. */
import assert from 'node:assert/strict';
import type { Scenario } from './scenario.ts';
import { junit } from './stage/reports.ts';

const WAITS = 'sleep 100000 & trap "kill $!" USR1; echo ready $$; wait $!; cp given.xml r.xml';

export const SERVERS: readonly Scenario[] = [
  ...(['SIGTERM', 'SIGKILL'] as const).map(
    (signal): Scenario => ({
      name: `server-${signal === 'SIGTERM' ? 'restarted' : 'killed'}`,
      shows: `a server that ${signal} ends while tests run loses nothing`,
      stopsServer: true,
      async run(place) {
        await place.write('given.xml', junit({ passed: 40, failed: 2 }));
        await place.done('create', place.run, '--expect', place.shard(1), '--finalize');
        const record = place.record(place.shard(1), WAITS);
        const command = await place.commandOf(record);
        assert.equal(await place.server.stop(signal), signal === 'SIGTERM' ? 0 : null);
        process.kill(command, 'SIGUSR1');
        // The recorder is now working without a server.
        await record.printed(/trying|again|reach/i);
        await place.server.start();
        const ended = await record.ended;
        assert.equal(ended.code, 0, ended.err);
        await place.expect(place.run, {
          results: 42,
          unexpected: 2,
          byStatus: { PASS: 40, FAIL: 2 },
        });
      },
    }),
  ),
  {
    name: 'server-killed-past-a-deadline',
    shows: 'invocations that became overdue while no server ran are ended by the next server',
    stopsServer: true,
    async run(place) {
      await place.done('create', place.shard(1), '--deadline', '11s');
      await place.done('create', place.run, '--include', place.shard(1), '--finalize');
      await place.server.stop('SIGKILL');
      await place.server.start();
      await place.expect(place.run, { results: 1, unexpected: 1, byStatus: { ABORT: 1 } });
      assert.equal((await place.over(place.shard(1))).endCause, 'DEADLINE');
    },
  },
];
