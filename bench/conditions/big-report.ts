/** Writes one large JUnit XML report, always the same, with about 300 bytes for each case. */
import { closeSync, openSync, writeSync } from 'node:fs';

const CASES_A_SUITE = 500;
const STACK = Array.from(
  { length: 40 },
  (_, depth) => `\tat com.example.Class${depth}.method(Class${depth}.java:${depth * 3})`,
).join('\n');

/** Three of every hundred cases fail, and three are skipped. */
export function writeBigReport(path: string, cases: number): void {
  const file = openSync(path, 'w');
  writeSync(file, '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="big">\n');
  for (let first = 0; first < cases; first += CASES_A_SUITE) {
    const count = Math.min(CASES_A_SUITE, cases - first);
    writeSync(file, suite(first, count));
  }
  writeSync(file, '</testsuites>\n');
  closeSync(file);
}

function suite(first: number, count: number): string {
  const name = `com.example.big.Suite${String(first / CASES_A_SUITE).padStart(5, '0')}`;
  const lines = Array.from({ length: count }, (_, index) => testCase(name, first + index));
  return `<testsuite name="${name}" timestamp="2026-01-02T03:04:05Z">\n${lines.join('')}</testsuite>\n`;
}

function testCase(suiteName: string, number: number): string {
  const attributes = `classname="${suiteName}" name="test_case_${number}[ünïcode-${'abcdefgh'[number % 8]?.repeat(24)}]" time="${(number % 100) / 1000}"`;
  const kind = (number * 7919) % 100;
  if (kind < 3) {
    const failure = `<failure message="expected ${number}" type="AssertionError"><![CDATA[${STACK}]]></failure>`;
    return `<testcase ${attributes}>${failure}</testcase>\n`;
  }
  if (kind < 6) return `<testcase ${attributes}><skipped message="not here"/></testcase>\n`;
  if (kind < 40) {
    return `<testcase ${attributes}><system-out>line one of ${number}\nline two</system-out></testcase>\n`;
  }
  return `<testcase ${attributes}/>\n`;
}
