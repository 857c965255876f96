import { expect, test } from 'vitest';
import { planExports, sinkOf, usedSinks } from './export-plan.ts';

interface Written {
  readonly sinks?: unknown;
  readonly exports?: unknown;
  readonly defaultSink?: string;
}

function plan(written: Written) {
  const problems: string[] = [];
  const settings = { sinks: undefined, exports: undefined, defaultSink: 'parquet', ...written };
  const planned = planExports(
    { ...settings, exportDir: '/exports', folder: '/etc' },
    (_, problem) => problems.push(problem),
  );
  return { planned, problems };
}

const SINKS = {
  nightly: { kind: 'parquet', folder: 'nightly' },
  releases: { kind: 'parquet', folder: '/releases' },
};

test('without any rule everything goes to the export folder', () => {
  const { planned, problems } = plan({});
  expect(problems).toEqual([]);
  expect(sinkOf(planned, table('acme.tests.results'))).toBe('parquet');
  expect(usedSinks(planned)).toEqual([
    ['parquet', { kind: 'parquet', options: { folder: '/exports' } }],
  ]);
});

test('the first rule that matches decides, and paths are relative to the file', () => {
  const { planned, problems } = plan({
    sinks: SINKS,
    exports: [
      { match: 'acme.nightly.*', to: 'nightly' },
      { match: 'acme.*', to: 'releases' },
    ],
  });
  expect(problems).toEqual([]);
  expect(sinkOf(planned, table('acme.nightly.results'))).toBe('nightly');
  expect(sinkOf(planned, table('acme.tests.results'))).toBe('releases');
  expect(sinkOf(planned, table('other.tests.results'))).toBe('parquet');
  expect(planned.sinks.get('nightly')?.options).toEqual({ folder: '/etc/nightly' });
});

test('a sink that nothing goes to is not used', () => {
  const { planned } = plan({ sinks: SINKS, defaultSink: 'nightly' });
  expect(usedSinks(planned).map(([name]) => name)).toEqual(['nightly']);
});

test.each<[string, Written, RegExp]>([
  ['no mapping', { sinks: [] }, /^sinks: must map/],
  ['no kind', { sinks: { a: {} } }, /^sinks\.a: kind must be set: choose one of parquet/],
  ['an unknown kind', { sinks: { a: { kind: 'ftp' } } }, /^sinks\.a: kind cannot be "ftp"/],
  ['a kind that every object has', { sinks: { a: { kind: 'toString' } } }, /cannot be "toString"/],
  [
    'an unknown option',
    { sinks: { a: { kind: 'parquet', folder: 'x', foldre: 'x' } } },
    /^sinks\.a: unknown option foldre: a sink of kind parquet takes folder/,
  ],
  ['a missing option', { sinks: { a: { kind: 'parquet' } } }, /^sinks\.a: folder must be set/],
  ['the taken name', { sinks: { parquet: { kind: 'parquet', folder: 'x' } } }, /name is taken/],
  ['rules that are no list', { exports: { 'acme.*': 'a' } }, /^exports: must be a list of rules/],
  ['a rule without a sink', { exports: [{ match: 'a.*' }] }, /^exports\[0\]: to must be the name/],
  ['a rule with more', { exports: [{ match: 'a.*', to: 'parquet', from: 1 }] }, /unknown key from/],
  [
    'a wrong pattern',
    { exports: [{ match: 'a.b', to: 'parquet' }] },
    /^exports\[0\]: match matches/,
  ],
  [
    'an unknown sink',
    { exports: [{ match: 'a.*', to: 'archive' }] },
    /^exports\[0\]: there is no sink "archive": define it in sinks, or choose one of parquet$/,
  ],
  ['an unknown default', { defaultSink: 'archive' }, /^defaultSink: there is no sink "archive"/],
  [
    'an unreachable rule',
    {
      exports: [
        { match: 'acme.*', to: 'parquet' },
        { match: 'acme.tests.*', to: 'parquet' },
      ],
    },
    /^exports\[1\]: acme\.tests\.\* is never reached, as acme\.\* before it .*: put it first/,
  ],
])('%s is refused', (_, written, message) => {
  expect(plan(written).problems).toEqual([expect.stringMatching(message)]);
});

test('a sink with a wrong option is not reported as unknown, too', () => {
  const { problems } = plan({ sinks: { a: { kind: 'parquet' } }, defaultSink: 'a' });
  expect(problems).toEqual(['sinks.a: folder must be set']);
});

function table(name: string) {
  const [project = '', dataset = '', id = ''] = name.split('.');
  return { project, dataset, table: id };
}
