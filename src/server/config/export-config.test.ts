import { expect, test } from 'vitest';
import { configProblems, loadTestConfig } from '../../../test/support/server/test-config.ts';
import { sinkOf } from '../../exporter/sinks/export-plan.ts';

const YAML = `
exportDir: exports
defaultSink: archive
sinks:
  archive: {kind: s3, bucket: acme-results, prefix: ci/}
  nightly: {kind: parquet, folder: nightly}
exports:
  - {match: acme.nightly.*, to: nightly}
  - {match: local.*, to: parquet}
`;

test('sinks and rules are read from the file, and its paths are relative to it', async () => {
  const { config, cwd } = await loadTestConfig({ files: { 'postlude.yaml': YAML } });
  const { exportPlan } = config;
  const to = (project: string, dataset: string): unknown => {
    const name = sinkOf(exportPlan, { project, dataset, table: 't' });
    return { name, ...exportPlan.sinks.get(name) };
  };
  expect(to('local', 'd')).toMatchObject({ options: { folder: `${cwd}/exports` } });
  expect(to('acme', 'nightly')).toMatchObject({ options: { folder: `${cwd}/nightly` } });
  expect(to('acme', 'd')).toEqual({
    name: 'archive',
    kind: 's3',
    options: { bucket: 'acme-results', prefix: 'ci' },
  });
});

test.each([
  [
    'artifactSink: gone',
    'artifactSink: "gone" is not a sink of the kind s3 or gcs: define one in sinks',
  ],
  [
    'artifactSink: a\nsinks: {a: {kind: parquet, folder: b}}',
    'artifactSink: "a" is not a sink of the kind s3 or gcs: define one in sinks',
  ],
  ['sinks: x', 'sinks must be a structure, not text'],
  ['sinks: {a: {kind: s3}}', 'sinks.a: bucket must be set'],
  [
    'sinks: {a: {kind: s3, bucket: b, prefix: /c}}',
    'sinks.a: prefix must be a path without a slash at its start, such as ci/exports',
  ],
  [
    'exports: [{match: a.*, to: b}]',
    'exports[0]: there is no sink "b": define it in sinks, or choose one of parquet',
  ],
  [
    'defaultSink: b',
    'defaultSink: there is no sink "b": define it in sinks, or choose one of parquet',
  ],
])('%s is reported with its line', async (yaml, problem) => {
  const problems = await configProblems({ files: { 'postlude.yaml': yaml } });
  expect(problems).toEqual([`postlude.yaml:1: ${problem}`]);
});

test('the table of the rows of invocations is read, and there is none unless it is named', async () => {
  const named = await loadTestConfig({ flags: { invocationRows: 'example.com:acme.ci.runs' } });
  const table = { project: 'example.com:acme', dataset: 'ci', table: 'runs' };
  expect(named.config.invocationRows).toEqual(table);
  expect((await loadTestConfig({})).config.invocationRows).toBeUndefined();
});

test.each(['ci.runs', 'acme.ci.runs.more', 'acme..runs', ' '])(
  'a table of the rows of invocations is refused that is no table: %j',
  async (written) => {
    const problem = 'must be project.dataset.table, such as acme.ci.invocations';
    const problems = await configProblems({ env: { POSTLUDE_INVOCATION_ROWS: written } });
    expect(problems).toEqual([expect.stringContaining(problem)]);
  },
);
