/** Reports that are damaged, missing, old, or given twice. */
import assert from 'node:assert/strict';
import type { Scenario } from './scenario.ts';
import { goTest, gotestsum, junit } from './stage/reports.ts';

export const REPORTING: readonly Scenario[] = [
  {
    name: 'report-damaged',
    shows:
      'a damaged report does not keep the others from being uploaded, and is an unexpected result',
    clientOnly: true,
    async run(place) {
      await place.write('given.xml', junit({ passed: 3 }));
      const script = 'cp given.xml r1.xml; head -c 90 given.xml >r2.xml';
      const { code, err } = await place.recorded(place.run, script, ['--reports', 'r*.xml']);
      assert.equal(code, 2);
      assert.match(err, /r2\.xml/);
      const { byStatus } = await place.totals(place.run);
      assert.ok((byStatus.PASS ?? 0) >= 3);
      assert.deepEqual(await place.unexpected(place.run), ['postlude/incomplete-report']);
    },
  },
  {
    name: 'report-missing',
    shows: 'a command that writes no report makes record exit with 2, and is not green',
    clientOnly: true,
    async run(place) {
      const { code } = await place.recorded(place.run, 'true');
      assert.equal(code, 2);
      await place.expect(place.run, { results: 1, unexpected: 1, byStatus: { CRASH: 1 } });
    },
  },
  {
    name: 'report-of-an-earlier-run',
    shows: 'a report of an earlier run in the workspace does not count for this run',
    clientOnly: true,
    async run(place) {
      await place.write('r.xml', junit({ passed: 5 }));
      const { code, err } = await place.recorded(place.run, 'true');
      assert.equal(code, 2);
      assert.match(err, /1 report is left out, as the command has not written it: .*r\.xml/);
      await place.expect(place.run, { results: 1, unexpected: 1, byStatus: { CRASH: 1 } });
    },
  },
  {
    name: 'report-unchanged-is-accepted',
    shows: 'a report that a build cache has left is taken on request',
    clientOnly: true,
    async run(place) {
      await place.write('r.xml', junit({ passed: 5 }));
      const { code } = await place.recorded(place.run, 'true', ['--accept-unchanged']);
      assert.equal(code, 0);
      await place.expect(place.run, { results: 5, unexpected: 0, byStatus: { PASS: 5 } });
    },
  },
  {
    name: 'report-found-twice',
    shows: 'one report that two patterns and a symlink find is taken once',
    clientOnly: true,
    async run(place) {
      await place.write('given.xml', junit({ passed: 5 }));
      const reports = ['--reports', 'r*.xml', '--reports', 'r1.xml'];
      const script = 'cp given.xml r1.xml; ln -s r1.xml r2.xml';
      const { code, err } = await place.recorded(place.run, script, reports);
      assert.equal(code, 0, err);
      await place.expect(place.run, { results: 5, unexpected: 0, byStatus: { PASS: 5 } });
    },
  },
  {
    name: 'report-copied',
    shows: 'one report under two names is taken once, with a warning',
    clientOnly: true,
    async run(place) {
      await place.write('given.xml', junit({ passed: 5 }));
      const script = 'cp given.xml r1.xml; cp given.xml r2.xml';
      await place.recorded(place.run, script, ['--reports', 'r*.xml']);
      assert.equal((await place.totals(place.run)).byStatus.PASS, 5);
    },
  },
  {
    name: 'report-in-two-formats',
    shows: 'one run of go test as JUnit XML and as JSON is taken once, with a warning',
    clientOnly: true,
    async run(place) {
      await place.write('given.xml', gotestsum(['TestA', 'TestB']));
      await place.write('given.jsonl', goTest(['TestA', 'TestB']));
      const script = 'cp given.xml r.xml; cp given.jsonl r.jsonl';
      const reports = ['--reports', 'r.xml', '--reports', 'r.jsonl'];
      const { code, err } = await place.recorded(place.run, script, reports);
      assert.equal(code, 0, err);
      assert.match(err, /tells the same tests in another format/);
      await place.expect(place.run, { results: 2, unexpected: 0, byStatus: { PASS: 2 } });
    },
  },
  {
    name: 'report-contradicts-itself',
    shows: 'a header that contradicts its cases is an error, not a green run',
    clientOnly: true,
    async run(place) {
      const lie = '<testsuite name="a" tests="10" failures="3">';
      await place.write('given.xml', `${lie}<testcase classname="a" name="b"/></testsuite>`);
      const { code } = await place.recorded(place.run, 'cp given.xml r.xml');
      assert.equal(code, 2);
      assert.ok((await place.totals(place.run)).unexpected >= 1);
    },
  },
];
