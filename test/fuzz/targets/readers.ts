/**
 * The readers of reports. Each promises: only ReportDamage escapes; the chunks in which a text arrives make no
 * difference; what is found is bounded by the text; and every test gets an id that servers accept.
 */
import fc from 'fast-check';
import { formatOf, whyUnknown } from '../../../src/ingest/formats.ts';
import { ctrf } from '../../../src/ingest/json/ctrf.ts';
import { goTestJson } from '../../../src/ingest/json/go-test-json.ts';
import { googleTestJson } from '../../../src/ingest/json/googletest-json.ts';
import { jestJson } from '../../../src/ingest/json/jest-json.ts';
import { playwrightJson } from '../../../src/ingest/json/playwright-json.ts';
import { junitXml } from '../../../src/ingest/junit/junit-xml.ts';
import { ReportDamage, type ReportFormat } from '../../../src/ingest/report.ts';
import { testIdOf } from '../../../src/ingest/results/test-id.ts';
import { tap } from '../../../src/ingest/tap/tap.ts';
import { checkTestId } from '../../../src/results/identity/check-id.ts';
import { type FuzzTarget, require, requireSame } from '../engine/target.ts';
import { jsonOf, lines, sample, xml } from './generators.ts';

const HEAD = 65_536;
/** The most that a reader adds to one execution besides what the text says. */
const OVERHEAD = 3_000;

const JUNIT_WORDS = [
  ...[
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites>',
    '</testsuites>',
    '<testsuite ',
    '/>',
  ],
  ...[
    '<testcase name="a" classname="b">',
    '</testcase>',
    '<failure message="m" type="t">',
    '</failure>',
  ],
  ...[
    '<error>',
    '<skipped/>',
    '<rerunFailure>',
    '<flakyFailure>',
    '<system-out>',
    '<![CDATA[',
    ']]>',
  ],
  ...[
    '<properties><property name="a" value="b"/></properties>',
    ' time="1.5"',
    ' tests="3"',
    ' file="f"',
  ],
  ...[
    '&amp;',
    '&#0;',
    '&#x1F98A;',
    '&lt',
    '<!--',
    '-->',
    '<!DOCTYPE a [',
    '<?',
    '?>',
    ' xmlns:a="b"',
  ],
  ...[
    'timestamp="2026-01-02T03:04:05"',
    'hostname="h"',
    'retries="2"',
    'failures="1"',
    '</testsuite>',
  ],
];
const TAP_WORDS = [
  ...[
    'TAP version 14\n',
    '1..3\n',
    'ok 1 - a\n',
    'not ok 2 - b\n',
    '# Subtest: c\n',
    '    ',
    '\n',
    ' # SKIP ',
  ],
  ...[
    ' # TODO ',
    'Bail out! ',
    '  ---\n',
    '  ...\n',
    'duration_ms: 1.5',
    '# time=3ms',
    ' {\n',
    '}\n',
    '\\#',
  ],
  ...[
    't/a.t .. ',
    'Files=1, Tests=2, ',
    'Result: PASS\n',
    '1..0 # skip',
    '# tests 2',
    'pragma +strict',
  ],
];
const GO_WORDS = [
  ...[
    '{"Time":"2026-01-02T03:04:05Z","Action":"run","Package":"p","Test":"T"}\n',
    '"Action":"pass"',
  ],
  ...[
    '"Action":"fail"',
    '"Action":"skip"',
    '"Action":"output","Output":"--- FAIL: T (0.00s)\\n"',
    '"Elapsed":1',
  ],
  ...[
    '"Action":"build-fail"',
    '"FailedBuild":"p"',
    '"ImportPath":"p"',
    '/sub',
    'panic: ',
    '=== RUN   T\\n',
  ],
];
const GOOGLETEST_WORDS = [
  ...[
    '{"testsuites":[',
    '"testsuite":[',
    '"name":"a"',
    '"status":"RUN"',
    '"result":"COMPLETED"',
    '"failures":[',
  ],
  ...[
    '"failure":"f"',
    '"time":"0.1s"',
    '"type_param":"x"',
    '"value_param":"1"',
    '"tests":2',
    '"skipped":[]',
  ],
];
const CTRF_WORDS = [
  ...[
    '{"results":{"tool":{"name":"jest"},"summary":{"tests":1},"tests":[',
    '"status":"passed"',
    '"duration":3',
  ],
  ...[
    '"retries":2',
    '"flaky":true',
    '"message":"m"',
    '"trace":"t"',
    '"suite":["a"]',
    '"suite":"a > b"',
  ],
  ...['"rawStatus":"x"', '"tags":["a"]', '"retryAttempts":[{"status":"failed"}]', '"filePath":"f"'],
];
const JEST_WORDS = [
  ...[
    '{"numTotalTests":1,"testResults":[',
    '"assertionResults":[',
    '"status":"failed"',
    '"title":"t"',
  ],
  ...[
    '"ancestorTitles":["a"]',
    '"failureMessages":["m"]',
    '"fullName":"a t"',
    '"invocations":2',
    '"name":"f"',
  ],
  ...[
    '"message":"m"',
    '"retryReasons":["r"]',
    '"duration":1',
    '"startTime":1767323045000',
    '"success":false',
  ],
];
const PLAYWRIGHT_WORDS = [
  ...[
    '{"config":{"rootDir":"/r"},"suites":[',
    '"specs":[',
    '"tests":[',
    '"results":[',
    '"status":"passed"',
  ],
  ...[
    '"projectName":"p"',
    '"expectedStatus":"failed"',
    '"retry":1',
    '"errors":[{"message":"m"}]',
    '"title":"t"',
  ],
  ...[
    '"annotations":[{"type":"issue","description":"d"}]',
    '"stdout":[{"text":"o"}]',
    '"duration":1',
    '"line":3',
  ],
];

export const readerTargets: readonly FuzzTarget[] = [
  readerTarget(
    junitXml,
    JUNIT_WORDS,
    xml(['testsuites', 'testsuite', 'testcase', 'failure', 'skipped']),
  ),
  readerTarget(tap, TAP_WORDS, lines(TAP_WORDS)),
  readerTarget(goTestJson, GO_WORDS, goEvents()),
  readerTarget(ctrf, CTRF_WORDS, jsonOf(CTRF_WORDS)),
  readerTarget(googleTestJson, GOOGLETEST_WORDS, jsonOf(GOOGLETEST_WORDS)),
  readerTarget(jestJson, JEST_WORDS, jsonOf(JEST_WORDS)),
  readerTarget(playwrightJson, PLAYWRIGHT_WORDS, jsonOf(PLAYWRIGHT_WORDS)),
  {
    name: 'detection',
    reads: 'the beginning of any file, to find its format',
    dictionary: [JUNIT_WORDS, TAP_WORDS, GO_WORDS, CTRF_WORDS, JEST_WORDS, GOOGLETEST_WORDS].flat(),
    check: checkDetection,
  },
];

function readerTarget(
  format: ReportFormat,
  dictionary: readonly string[],
  texts: fc.Arbitrary<string>,
): FuzzTarget {
  return {
    name: format.name,
    reads: `reports in the format ${format.name}`,
    dictionary,
    generate: (seed) => sample(texts, seed),
    check: (input) => checkReader(format, input),
  };
}

/** A test of CTRF claims up to 100 attempts in some 40 characters. */
const EXECUTIONS_PER_CHARACTER = 3;

function checkReader(format: ReportFormat, input: Buffer): void {
  const text = input.toString();
  const whole = read(format, text, HEAD);
  const size = 1 + ((input.length * 31 + (input[input.length >> 1] ?? 0)) % 97);
  requireSame(read(format, text, size), whole, `in chunks of ${size} characters`);
}

/** Returns all that the reader says, as one text. */
function read(format: ReportFormat, text: string, chunkSize: number): string {
  const said: unknown[] = [];
  let executions = 0;
  const reader = format.open(
    {
      execution: (execution) => {
        executions += 1;
        const told = JSON.stringify(execution);
        require(told.length <=
          8 * text.length + OVERHEAD, 'an execution is larger than its report');
        checkTestId(testIdOf(execution.suite, execution.name).id);
        require(execution.durationMs === undefined ||
          execution.durationMs >= 0, 'it takes less than 0 ms');
        require(!Number.isNaN(execution.startTimeMs), 'it starts at no time');
        require(execution.line >= 1 && execution.line <= text.length + 1, 'it has no line');
        said.push(told);
      },
      unnamedSkips: (count) => said.push(`skips ${count}`),
      error: (line, message) => said.push(`error ${line} ${message}`),
      warning: (line, message) => said.push(`warning ${line} ${message}`),
    },
    text.slice(0, HEAD),
  );
  try {
    for (let at = 0; at < text.length; at += chunkSize) reader.push(text.slice(at, at + chunkSize));
    reader.end();
  } catch (error) {
    if (!(error instanceof ReportDamage)) throw error;
    said.push(`damage ${error.line} ${error.message}`);
  }
  require(executions <=
    EXECUTIONS_PER_CHARACTER * text.length + 2, 'there are too many executions');
  return [reader.dialect, reader.isNameless === true, ...said].join('\n');
}

function checkDetection(input: Buffer): void {
  const head = input.toString().slice(0, HEAD);
  const format = formatOf(head);
  if (format) read(format, head, HEAD);
  else require(whyUnknown(head).length < 200, 'the reason quotes the file');
}

function goEvents(): fc.Arbitrary<string> {
  const name = fc.constantFrom('T', 'T/a', 'T/a/b', 'U', 'T/a#01');
  const action = fc.constantFrom('run', 'pause', 'cont', 'pass', 'fail', 'skip', 'output', 'start');
  const event = fc.record(
    {
      Time: fc.constantFrom('2026-01-02T03:04:05Z', '2026-01-02T03:04:05.123456789+01:00', 'x'),
      Action: action,
      Package: fc.constantFrom('p', 'q/r'),
      Test: name,
      Elapsed: fc.constantFrom(0, 0.01, 1e9, -1),
      Output: fc.constantFrom('--- FAIL: T (0.00s)\n', '    a.go:3: no\n', 'panic: x\n', 'ok\n'),
    },
    { requiredKeys: ['Action'] },
  );
  return fc
    .array(event, { maxLength: 12 })
    .map((events) => events.map((each) => `${JSON.stringify(each)}\n`).join(''));
}
