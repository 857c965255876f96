/**
 * Does the time of each report reader grow in proportion to its report, whatever that holds? Each shape of
 * hostile text is read at three sizes, each twice the one before. A ratio near 2 is linear, near 4 quadratic.
 * Ends with 1 if a ratio is above 3.
 *
 *     npm run bench -- readers [--kib 512] [--json]
 */
import { CommandLine } from '../scripts/command-line.ts';
import type { FormatSink } from '../src/ingest/execution.ts';
import { ctrf } from '../src/ingest/json/ctrf.ts';
import { goTestJson } from '../src/ingest/json/go-test-json.ts';
import { googleTestJson } from '../src/ingest/json/googletest-json.ts';
import { jestJson } from '../src/ingest/json/jest-json.ts';
import { playwrightJson } from '../src/ingest/json/playwright-json.ts';
import { junitXml } from '../src/ingest/junit/junit-xml.ts';
import { ReportDamage, type ReportFormat } from '../src/ingest/report.ts';
import { tap } from '../src/ingest/tap/tap.ts';
import { readConditions } from './conditions/conditions.ts';

const line = new CommandLine({
  command: 'npm run bench -- readers',
  options: {
    kib: { type: 'string', default: '512' },
    json: { type: 'boolean', default: false },
  },
});
const BYTES = line.count('kib') * 1024;

const CHUNK = 64 * 1024;
const HEAD = 4 * 1024;
const READINGS = 3;
const MAX_RATIO = 3;

/** A text around units that are repeated until the report has its size. */
interface Shape {
  readonly format: ReportFormat;
  readonly name: string;
  readonly before: string;
  readonly unit: string;
  readonly after: string;
}

const SHAPES: readonly Shape[] = [
  ...shapesOf(junitXml, ['<testsuite name="s">', '</testsuite>'], {
    'test cases': '<testcase classname="c" name="n"/>',
    failures: '<testcase name="n"><failure message="m">at x (y:1)\n</failure></testcase>',
    blanks: ' ',
    references: '&amp;',
    'comments without an end': '<!-- -',
    'lines of output': '<system-out>[[ATTACHMENT|x]]\n</system-out>',
  }),
  ...shapesOf(junitXml, ['<testsuite><testcase name="', '"/></testsuite>'], { 'a name': 'a > ' }),
  ...shapesOf(tap, ['TAP version 13\n', '\n'], {
    tests: 'ok 1 - a\n',
    'blanks in a line': ' ',
    'number signs': ' #',
    diagnostics: '# x\n',
    'blocks of YAML': 'not ok 1\n  ---\n  a: b\n  ...\n',
    subtests: '    ok 1 - a\n',
  }),
  ...shapesOf(goTestJson, ['', ''], {
    tests: '{"Action":"pass","Package":"p","Test":"T","Elapsed":0.1}\n',
    output: '{"Action":"output","Package":"p","Test":"T","Output":"a: b: c\\n"}\n',
  }),
  ...shapesOf(goTestJson, ['{"Action":"output","Package":"p","Output":"', '"}\n'], {
    'a line': 'a ',
  }),
  ...shapesOf(
    ctrf,
    ['{"results":{"tool":{"name":"t"},"tests":[', '{"name":"z","status":"passed"}]}}'],
    {
      tests: '{"name":"n","status":"failed","message":"m"},',
      blanks: ' ',
    },
  ),
  ...shapesOf(ctrf, ['{"results":{"tests":[{"name":"', '"}]}}'], { 'a name': 'a > ' }),
  ...shapesOf(ctrf, ['{"results":{"tool":', ''], { nesting: '{"a":' }),
  ...shapesOf(googleTestJson, ['{"testsuites":[{"name":"s","testsuite":[', '{}]}]}'], {
    tests: '{"name":"n","status":"RUN","result":"COMPLETED","time":"1s"},',
    failures: '{"name":"n","failures":[{"failure":"a\\nb"}]},',
  }),
  ...shapesOf(jestJson, ['{"testResults":[{"name":"f","assertionResults":[', '{}]}]}'], {
    tests: '{"title":"t","status":"failed","failureMessages":["m at (x:1)"]},',
  }),
  ...shapesOf(playwrightJson, ['{"suites":[{"title":"s","specs":[', '{}]}]}'], {
    tests: '{"title":"t","tests":[{"results":[{"status":"failed","errors":[{"message":"m"}]}]}]},',
  }),
  ...shapesOf(playwrightJson, ['{"suites":[', ''], { nesting: '{"suites":[' }),
];

const NOWHERE: FormatSink = {
  execution: () => undefined,
  unnamedSkips: () => undefined,
  error: () => undefined,
  warning: () => undefined,
};

const ratios: Record<string, number> = {};
for (const shape of SHAPES) {
  const times = [1, 2, 4].map((size) => readingMs(shape, size * BYTES));
  const ratio = Math.sqrt((times[2] ?? 0) / (times[0] ?? 1));
  const name = `${shape.format.name}: ${shape.name}`;
  ratios[name] = Math.round(ratio * 100) / 100;
  const shown = times.map((ms) => ms.toFixed(0).padStart(6)).join(' ');
  if (!line.values.json) console.log(`${name.padEnd(42)} ${shown} ms   × ${ratio.toFixed(2)}`);
}
const worst = Math.max(...Object.values(ratios));
console.log(
  JSON.stringify({
    bench: 'readers',
    ratios: { worst, ...ratios },
    conditions: await readConditions(),
  }),
);
if (worst > MAX_RATIO) process.exitCode = 1;

function shapesOf(
  format: ReportFormat,
  [before, after]: readonly [string, string],
  units: Readonly<Record<string, string>>,
): Shape[] {
  return Object.entries(units).map(([name, unit]) => ({ format, name, before, unit, after }));
}

/** The least time of a few readings. */
function readingMs({ format, before, unit, after }: Shape, bytes: number): number {
  const text = before + unit.repeat(Math.ceil(bytes / unit.length)) + after;
  let least = Number.POSITIVE_INFINITY;
  for (let reading = 0; reading < READINGS; reading++) {
    const startedAt = performance.now();
    read(format, text);
    least = Math.min(least, performance.now() - startedAt);
  }
  return least;
}

function read(format: ReportFormat, text: string): void {
  const reader = format.open(NOWHERE, text.slice(0, HEAD));
  try {
    for (let at = 0; at < text.length; at += CHUNK) reader.push(text.slice(at, at + CHUNK));
    reader.end();
  } catch (error) {
    if (!(error instanceof ReportDamage)) throw error;
  }
}
