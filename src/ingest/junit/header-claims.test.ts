import { describe, expect, it } from 'vitest';
import { readFormat } from '../../../test/support/reports/read-format.ts';
import { writeReports } from '../../../test/support/reports/report-files.ts';
import { inspect } from '../inspect.ts';
import { junitXml } from './junit-xml.ts';

const PASS = '<testcase classname="c" name="a"/>';

describe('headers that claim more than the file holds', () => {
  it('say that results are missing, each header once', () => {
    const { errors, warnings } = read(
      `<testsuites tests="10" failures="3">\n<testsuite name="s" tests="10" failures="3">${PASS}</testsuite></testsuites>`,
    );
    expect(errors).toEqual([
      '2: the header of testsuite "s" says tests="10", but there are 1: results are missing',
      '2: the header of testsuite "s" says failures="3", but there are 0: results are missing',
    ]);
    expect(warnings).toEqual([]);
  });

  it('make the report incomplete, but its results count', async () => {
    const [path = ''] = writeReports({
      'r.xml': `<testsuite tests="10" failures="3">${PASS}</testsuite>`,
    });
    const { counts, complete, problems } = await inspect([path]);
    expect(counts).toMatchObject({ tests: 1, passed: 1 });
    expect(complete).toBe(false);
    expect(problems.map(({ severity }) => severity)).toEqual(['error', 'error']);
  });

  it('are reported for the root if the suites are right', () => {
    expect(
      read(`<testsuites tests="2"><testsuite tests="1">${PASS}</testsuite></testsuites>`).errors,
    ).toEqual(['1: the header of testsuites says tests="2", but there are 1: results are missing']);
  });

  it('are a warning if counts are not numbers, as the producer has not counted', () => {
    const { errors, warnings } = read(
      `<testsuites tests="100"><testsuite tests="ten">${PASS}</testsuite></testsuites>`,
    );
    expect(errors).toEqual([]);
    expect(warnings).toEqual([
      '1: counts in headers are not numbers: none is trusted',
      '1: the header of testsuites says tests="100", but there are 1',
    ]);
  });

  it('are normal if pytest counts what it does not write', () => {
    const pytest = (header: string) =>
      read(
        `<testsuites name="pytest tests"><testsuite name="pytest" ${header}>${PASS}</testsuite></testsuites>`,
      );
    expect(pytest('errors="0" failures="0" tests="3"').errors).toEqual([]);
    expect(pytest('errors="0" failures="3" tests="3"').errors).toHaveLength(1);
  });

  it('are reported only in part if there are very many', () => {
    const { errors, warnings } = read(
      `<testsuites>${`<testsuite tests="1"/>`.repeat(1000)}</testsuites>`,
    );
    expect(errors).toHaveLength(20);
    expect(warnings).toEqual(['1: 980 more headers contradict what they hold']);
  });
});

describe('headers that claim less than the file holds', () => {
  it('are a warning, as nothing is missing', () => {
    const { errors, warnings } = read(
      `<testsuite name="s" tests="1" failures="0" errors="0">${PASS}<testcase classname="c" name="b"><failure/></testcase></testsuite>`,
    );
    expect(errors).toEqual([]);
    expect(warnings).toEqual([
      '1: the header of testsuite "s" says tests="1", but there are 2',
      '1: the header of testsuite "s" says failures="0", but there are 1',
    ]);
  });

  it('are right if they leave out inner suites, or count failures as errors', () => {
    const { errors, warnings } = read(
      `<testsuite tests="0" failures="0" errors="1"><testsuite tests="1" failures="0" errors="1"><testcase name="a"><failure/></testcase></testsuite></testsuite>`,
    );
    expect([errors, warnings]).toEqual([[], []]);
  });
});

describe('pending tests that Mocha does not write', () => {
  const mocha = (root: string) =>
    `<testsuites name="Mocha Tests" ${root}><testsuite name="Root Suite" tests="9">${PASS}</testsuite></testsuites>`;

  it('are counted as skipped from the header, with a warning', async () => {
    const [path = ''] = writeReports({ 'r.xml': mocha('tests="3" skipped="2"') });
    const { counts, complete, problems } = await inspect([path]);
    expect(counts).toMatchObject({ tests: 3, passed: 1, skipped: 2 });
    expect(complete).toBe(true);
    expect(problems).toMatchObject([
      { severity: 'warning', message: expect.stringContaining('2 pending tests are counted') },
    ]);
  });

  it('do not hide that other results are missing', () => {
    const { unnamedSkips, errors } = read(mocha('tests="5" skipped="2"'));
    expect(unnamedSkips).toBe(2);
    expect(errors).toEqual([
      '1: the header of testsuites "Mocha Tests" says tests="5", but there are 3: results are missing',
    ]);
  });

  it('are no more than the tests that are missing', () => {
    expect(read(mocha('tests="1" skipped="2"')).unnamedSkips).toBe(0);
  });
});

function read(xml: string) {
  return readFormat(junitXml, xml);
}
