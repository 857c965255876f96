/** What `gate`, `show` and `list` say about a run. */
import assert from 'node:assert/strict';
import type { Scenario } from './scenario.ts';
import type { Place } from './stage/place.ts';
import { junit } from './stage/reports.ts';

interface Verdict {
  readonly verdict: string;
  readonly reasons: readonly Readonly<Record<string, unknown>>[];
  readonly verdicts: Readonly<Record<string, number>>;
}

async function gated(place: Place, code: number, ...options: string[]): Promise<Verdict> {
  const ended = await place.cli('gate', place.run, '--json', ...options);
  assert.equal(ended.code, code, ended.err);
  return JSON.parse(ended.out);
}

async function recordGreen(place: Place, ...numbers: readonly number[]): Promise<void> {
  await place.write('given.xml', junit({ passed: 3 }));
  for (const number of numbers) {
    const variant = ['--variant', `shard:${number}`];
    await place.recorded(place.shard(number), 'cp given.xml r.xml', variant);
  }
}

export const VERDICTS: readonly Scenario[] = [
  {
    name: 'gate-waits-then-green',
    shows: 'a gate waits for the last shard of a run, and exits with 0 if all is green',
    async run(place) {
      await place.done('create', place.run, '--expect', `${place.run}-shard-1..2`, '--finalize');
      await recordGreen(place, 1);
      const early = await place.cli('gate', place.run, '--within', '1s');
      assert.equal(early.code, 3);
      assert.match(early.err, /shard-2 is expected/);
      const gate = place.start(['gate', place.run]);
      await recordGreen(place, 2);
      const { code, out } = await gate.ended;
      assert.deepEqual({ code, isGreen: /is green/.test(out) }, { code: 0, isGreen: true });
      assert.equal((await place.totals(place.run)).results, 6);
    },
  },
  {
    name: 'gate-red-by-a-killed-shard',
    shows: 'a run in which every test passed is red if a shard was killed',
    async run(place) {
      await place.done('create', place.run, '--expect', `${place.run}-shard-1..2`, '--finalize');
      await recordGreen(place, 1);
      await place.recorded(place.shard(2), 'cp given.xml r.xml; kill -9 $$', ['--variant', 's:2']);
      const { reasons, verdict, verdicts } = await gated(place, 1);
      assert.deepEqual(
        { verdict, unexpected: verdicts.unexpected },
        { verdict: 'red', unexpected: 0 },
      );
      assert.match(JSON.stringify(reasons), /postlude\/command/);
      const shown = (await place.done('show', place.run)).out;
      assert.match(shown, /PROBLEMS/);
      assert.match(shown, /shard-2/);
    },
  },
  {
    name: 'gate-red-by-a-failure',
    shows: 'a run with a failing test is red, and show says where and why it failed',
    async run(place) {
      await place.write('given.xml', junit({ passed: 2, failed: 1 }));
      await place.recorded(place.run, 'cp given.xml r.xml; exit 1', ['--variant', 'os:linux']);
      assert.equal((await gated(place, 1)).verdicts.unexpected, 1);
      const lines = (await place.done('show', place.run, '--json')).out.trim().split('\n');
      const [test] = lines.map((line) => JSON.parse(line));
      const { failureMessage, shard, testId, variant, verdict } = test;
      assert.deepEqual(
        { failureMessage, shard, testId, variant, verdict },
        {
          failureMessage: 'wrong',
          shard: place.run,
          testId: 'suite.a::case 0',
          variant: { os: 'linux' },
          verdict: 'unexpected',
        },
      );
    },
  },
  {
    name: 'gate-flaky-over-attempts',
    shows: 'a test that failed in one attempt and passed in the next is flaky: green, unless asked',
    async run(place) {
      await place.write('red.xml', junit({ passed: 2, failed: 1 }));
      await place.write('green.xml', junit({ passed: 3 }));
      await place.recorded(place.shard(1), 'cp red.xml r.xml; exit 1');
      await place.recorded(place.shard(1), 'cp green.xml r.xml');
      await place.done('create', place.run, '--expect', place.shard(1), '--finalize');
      const { verdicts } = await gated(place, 0);
      assert.equal(verdicts.flaky, 1);
      assert.equal((await gated(place, 1, '--fail-on-flaky')).verdict, 'red');
      assert.match((await place.done('show', place.run)).out, /FLAKY\nsuite\.a::case 0/);
    },
  },
  {
    name: 'gate-missing-shard',
    shows: 'a shard that never appeared makes a run red, unless that is allowed',
    async run(place) {
      const expected = ['--expect', `${place.run}-shard-1..2`, '--expect-within', '15s'];
      await place.done('create', place.run, ...expected, '--finalize');
      await recordGreen(place, 1);
      assert.match(JSON.stringify((await gated(place, 1)).reasons), /shard-2/);
      assert.equal((await gated(place, 0, '--allow-missing')).verdict, 'green');
    },
  },
  {
    name: 'list-of-a-pipeline',
    shows: 'the shards of a pipeline are listed by tag and state, with how they ended',
    async run(place) {
      await place.write('given.xml', junit({ passed: 1 }));
      const tag = ['--tag', `pipeline:${place.run}`];
      await place.recorded(place.shard(1), 'cp given.xml r.xml', tag);
      await place.done('create', place.shard(2), ...tag);
      const listed = async (...options: string[]) => {
        const { out } = await place.done('list', ...tag, '--json', ...options);
        return out.split(/\n(?=.)/).flatMap((line) => (line ? [JSON.parse(line)] : []));
      };
      const all = await listed();
      assert.deepEqual(all.map(({ invocation, state }) => `${invocation} ${state}`).sort(), [
        `${place.shard(1)} FINALIZED`,
        `${place.shard(2)} ACTIVE`,
      ]);
      const [open] = await listed('--state', 'active');
      assert.equal(open.invocation, place.shard(2));
    },
  },
];
