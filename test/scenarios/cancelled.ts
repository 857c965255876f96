/** SIGTERM and SIGINT, as CI systems send them to the process that they started. */
import assert from 'node:assert/strict';
import type { Scenario } from './scenario.ts';
import { junit } from './stage/reports.ts';

/** Builds a command that writes its report when it is told to stop. */
const STOPPABLE =
  'sleep 100000 & trap "kill $!; cp given.xml r.xml; exit 1" TERM INT; echo ready $$; wait';

const IN_GRANDCHILD = `trap : TERM; sh -c '${STOPPABLE}' & wait; wait`;

/**
 * The shell's process id is that of the group. It reports the signal late: two signals within a moment
 * would count as one that was passed on.
 */
const DEAF = `trap : TERM; ${process.execPath} -e "
  process.on('SIGTERM', () => setTimeout(() => console.log('heard'), 1000));
  console.log('ready', process.ppid);
  setInterval(() => undefined, 1e6);
" & wait; wait`;

export const CANCELLED: readonly Scenario[] = [
  ...(['SIGTERM', 'SIGINT'] as const).map(
    (signal): Scenario => ({
      name: `cancelled-by-${signal.toLowerCase()}`,
      shows: `${signal} reaches the command, and what it still reports is uploaded`,
      async run(place) {
        await place.write('given.xml', junit({ passed: 2 }));
        const record = place.record(place.run, STOPPABLE);
        await place.commandOf(record);
        record.child.kill(signal);
        assert.equal((await record.ended).code, signal === 'SIGINT' ? 130 : 143);
        const { endCause, properties } = await place.over(place.run);
        assert.equal(endCause, 'CANCELLED');
        assert.equal(properties?.command?.cancelledBy, signal);
        const { byStatus, unexpected } = await place.totals(place.run);
        assert.equal(byStatus.PASS, 2);
        assert.ok(unexpected >= 1, 'what was cancelled reads green');
        assert.match(await place.why(place.run), /it was cancelled/);
      },
    }),
  ),
  {
    name: 'cancelled-process-group',
    shows:
      'a signal reaches the processes that the command has started through a shell that passes no signal on',
    async run(place) {
      await place.write('given.xml', junit({ passed: 2 }));
      const record = place.record(place.run, IN_GRANDCHILD);
      await record.printed(/ready (\d+)/);
      record.child.kill('SIGTERM');
      assert.equal((await record.ended).code, 143);
      assert.equal((await place.totals(place.run)).byStatus.PASS, 2);
    },
  },
  {
    name: 'cancelled-twice',
    shows:
      'a second signal ends recorder and command at once; the server considers the recorder lost',
    async run(place) {
      const record = place.record(place.run, DEAF, ['--lost-after', '2s']);
      await place.commandOf(record);
      record.child.kill('SIGTERM');
      await record.printed(/heard/);
      record.child.kill('SIGTERM');
      // Its output ends only after the command has ended as well.
      await record.ended;
      assert.equal(record.child.signalCode, 'SIGTERM');
      assert.equal((await place.over(place.run)).endCause, 'LOST');
      await place.expect(place.run, { results: 1, unexpected: 1, byStatus: { ABORT: 1 } });
    },
  },
  {
    name: 'cancelled-shard-of-a-run',
    shows: 'a run with a cancelled shard ends, and is not green',
    async run(place) {
      await place.write('given.xml', junit({ passed: 2 }));
      await place.done('create', place.run, '--expect', `${place.run}-shard-1..2`, '--finalize');
      const record = place.record(place.shard(1), STOPPABLE);
      await place.commandOf(record);
      record.child.kill('SIGTERM');
      await record.ended;
      await place.recorded(place.shard(2), 'cp given.xml r.xml', ['--variant', 'shard:2']);
      const { byStatus, unexpected } = await place.totals(place.run);
      assert.equal(byStatus.PASS, 4);
      assert.ok(unexpected >= 1);
    },
  },
];
