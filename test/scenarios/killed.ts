/** Commands and recorders that die. */
import assert from 'node:assert/strict';
import type { Scenario } from './scenario.ts';
import type { Place } from './stage/place.ts';
import { junit } from './stage/reports.ts';

/** Builds a command that prints the id of its process group and runs until it is killed. */
const ENDLESS = 'echo ready $$; exec sleep 100000';
const QUICKLY_LOST = ['--lost-after', '2s'];

/** Kills `record` while its command runs, and returns once the server considers it lost. */
async function loseRecorder(place: Place, id: string): Promise<void> {
  const record = place.record(id, ENDLESS, QUICKLY_LOST);
  await place.commandOf(record);
  await record.end();
}

export const KILLED: readonly Scenario[] = [
  {
    name: 'command-killed',
    shows: 'a command that is killed after its reports is not green',
    async run(place) {
      await place.write('given.xml', junit({ passed: 7 }));
      const ended = await place.recorded(place.run, 'cp given.xml r.xml; kill -9 $$');
      assert.equal(ended.code, 137);
      await place.expect(place.run, {
        results: 8,
        unexpected: 1,
        byStatus: { PASS: 7, CRASH: 1 },
      });
      assert.deepEqual(await place.unexpected(place.run), ['postlude/command']);
      const { properties } = await place.status(place.run);
      assert.equal(properties?.command?.signal, 'SIGKILL');
    },
  },
  {
    name: 'record-killed',
    shows: 'a recorder that is killed counts as lost, and its invocation ends unexpectedly',
    async run(place) {
      await loseRecorder(place, place.run);
      const { endCause } = await place.over(place.run);
      assert.equal(endCause, 'LOST');
      assert.match(await place.why(place.run), /its recorder was lost/);
      await place.expect(place.run, { results: 1, unexpected: 1, byStatus: { ABORT: 1 } });
      assert.deepEqual(await place.unexpected(place.run), ['postlude/invocation']);
    },
  },
  {
    name: 'record-and-command-killed',
    shows: 'a machine that dies with recorder and command counts as lost',
    async run(place) {
      const record = place.record(place.run, ENDLESS, QUICKLY_LOST);
      const command = await place.commandOf(record);
      record.child.kill('SIGKILL');
      process.kill(-command, 'SIGKILL');
      await record.exited;
      assert.equal((await place.over(place.run)).endCause, 'LOST');
      await place.expect(place.run, { results: 1, unexpected: 1, byStatus: { ABORT: 1 } });
    },
  },
  {
    name: 'shard-lost',
    shows:
      'a run ends although a shard dies and is never restarted; totals are those of the others',
    async run(place) {
      await place.write('given1.xml', junit({ passed: 5, failed: 1, of: 'one' }));
      await place.write('given2.xml', junit({ passed: 4, of: 'two' }));
      const expected = ['--expect', `${place.run}-shard-1..3`];
      await place.done('create', place.run, ...expected, '--finalize');
      const red = await place.recorded(place.shard(1), 'cp given1.xml r.xml; exit 3');
      assert.equal(red.code, 3);
      await place.recorded(place.shard(2), 'cp given2.xml r.xml');
      await loseRecorder(place, place.shard(3));
      await place.expect(place.run, {
        results: 11,
        unexpected: 2,
        byStatus: { PASS: 9, FAIL: 1, ABORT: 1 },
      });
      assert.equal((await place.over(place.shard(3))).endCause, 'LOST');
    },
  },
  {
    name: 'crash-after-green-reports',
    shows: 'a runner that fails after green reports gets an unexpected result',
    async run(place) {
      await place.write('given.xml', junit({ passed: 3 }));
      const ended = await place.recorded(place.run, 'cp given.xml r.xml; exit 9');
      assert.equal(ended.code, 9);
      await place.expect(place.run, {
        results: 4,
        unexpected: 1,
        byStatus: { PASS: 3, CRASH: 1 },
      });
    },
  },
  {
    name: 'killed-between-two-reports',
    shows: 'a runner that dies between two report files is not green',
    async run(place) {
      await place.write('given.xml', junit({ passed: 3 }));
      const script = 'mkdir -p mod/1 mod/2; cp given.xml mod/1/r.xml; kill -9 $$';
      const ended = await place.recorded(place.run, script, ['--reports', 'mod/*/r.xml']);
      assert.equal(ended.code, 137);
      await place.expect(place.run, {
        results: 4,
        unexpected: 1,
        byStatus: { PASS: 3, CRASH: 1 },
      });
    },
  },
  {
    name: 'command-not-found',
    shows:
      'record exits with 127 if its command cannot be started, and the run gets an unexpected result',
    async run(place) {
      const argv = ['record', '--id', place.run, '--reports', 'r.xml', '--', 'no-such-runner'];
      assert.equal((await place.cli(...argv)).code, 127);
      assert.ok((await place.totals(place.run)).unexpected >= 1);
      assert.ok((await place.unexpected(place.run)).includes('postlude/command'));
    },
  },
];
