import { noMetrics, systemClock } from '@postlude/queue/foundations';
import { expect, test } from 'vitest';
import { RecordingLog } from '../../test/support/recording-log.ts';
import { loadTestConfig } from '../../test/support/server/test-config.ts';
import { detachedParts } from '../exporter/sinks/detached-parts.ts';
import { openExports } from './open-exports.ts';

const YAML = `
sinks: {archive: {kind: s3, bucket: b}, spare: {kind: gcs, bucket: b}}
exports: [{match: acme.*, to: archive}]
`;

async function open(...missing: readonly string[]) {
  const { config } = await loadTestConfig({ files: { 'postlude.yaml': YAML } });
  const log = new RecordingLog();
  const parts = { ...detachedParts(systemClock, ''), log, metrics: noMetrics };
  return { log, router: openExports(config, parts, (name) => !missing.includes(name)) };
}

test('a package that a used sink needs has to be there before the server starts', async () => {
  await expect(open('@aws-sdk/client-s3')).rejects.toMatchObject({
    code: 'failed-precondition',
    message: expect.stringMatching(
      /^the sink archive needs the package @aws-sdk\/client-s3, which is not installed: npm install/,
    ),
  });
});

test('a sink that nothing goes to needs no package', async () => {
  const { log } = await open('google-auth-library');
  expect(log.lines).toEqual([]);
});

test('without DuckDB the server starts, warns once, and exports wait', async () => {
  const { log } = await open('@duckdb/node-api');
  expect(log.lines).toHaveLength(1);
  expect(JSON.stringify(log.lines)).toContain('npm install @duckdb/node-api@');
});
