/**
 * Files: the configuration, entries of the spool, and reports on their way from the disk to what is uploaded.
 * Each is read, or refused with a declared error; what a report becomes is accepted by the recorder.
 */
import { hasCode } from '@postlude/queue/foundations';
import { CliError } from '../../../src/cli/context.ts';
import { readEntry, resultsOf } from '../../../src/cli/spool/spool-entry.ts';
import { readReportSet } from '../../../src/ingest/report-set.ts';
import { testResultBatches } from '../../../src/ingest/results/test-results.ts';
import { Schemes } from '../../../src/results/identity/schemes.ts';
import { loadConfig } from '../../../src/server/config/config.ts';
import { checkTestResult } from '../../../src/services/recorder/results/validate-test-result.ts';
import type { FuzzTarget } from '../engine/target.ts';
import { ScratchFile } from './scratch-file.ts';

const NOW = 1_767_323_045_000;
const RULES = { now: NOW, schemes: new Schemes() };
const configFile = new ScratchFile('postlude.yaml');
const spoolFile = new ScratchFile('entry.jsonl');
const reportFile = new ScratchFile('report');

export const fileTargets: readonly FuzzTarget[] = [
  {
    name: 'config',
    reads: 'configuration files',
    dictionary: [
      ...[
        'listen: 127.0.0.1:8080\n',
        'oidc:\n  - issuer: https://a.example\n',
        'audiences: [p]\n',
        'realms:\n',
      ],
      ...[
        'identity: user:{email}\n',
        '  acme:ci:\n    writer: [user:a@b.c]\n',
        'sinks:\n',
        'exports:\n',
        '- ',
      ],
      ...[
        '{ kind: s3, bucket: b }',
        '&a ',
        '*a',
        '<<: *a',
        '!!binary ',
        '!!js ',
        '? ',
        '| \n',
        '> \n',
        '---\n',
      ],
      ...[
        'retention:\n  - realm: "a:*"\n',
        'pushTasks:\n',
        'taskQueues:\n',
        '30s',
        '16MiB',
        '%YAML 1.1\n',
        '[',
        ']',
      ],
    ],
    check: checkConfig,
  },
  {
    name: 'spool',
    reads: 'entries of the spool',
    dictionary: [
      ...[
        '{"postlude":"spool","version":1,"server":"http://a","recordedAt":"2026-01-02T03:04:05Z","open":{}}\n',
      ],
      ...[
        '{"results":[',
        ']}\n',
        '{"end":{},"batches":1}\n',
        '"testId":"t"',
        '"status":"PASS"',
        '"batches":0',
      ],
      ...[
        '"invocationId":"u-a"',
        '"tags":[{"key":"a","value":"b"}]',
        '"duration":"1s"',
        '"properties":{}',
      ],
    ],
    check: checkSpool,
  },
  {
    name: 'reports',
    reads: 'report files of any format, until they are uploaded',
    dictionary: [
      ...[
        '<testsuite name="s">',
        '<testcase name="n" classname="c" time="1">',
        '</testcase>',
        '</testsuite>',
      ],
      ...[
        '<failure message="m">',
        'ok 1 - a\n',
        'not ok 2 - b\n',
        '1..2\n',
        '{"Action":"pass","Package":"p"}\n',
      ],
      ...[
        '<property name="K" value="v"/>',
        'file="/r/a.c"',
        '\xef\xbb\xbf',
        'encoding="latin1"',
        '\\u0007',
      ],
    ],
    check: checkReport,
  },
];

async function checkConfig(input: Buffer): Promise<void> {
  const config = configFile.holding(input);
  await loadConfig({ flags: { config }, env: {}, cwd: '/' }).catch((error: unknown) => {
    if (!hasCode(error, 'invalid-argument')) throw error;
  });
}

async function checkSpool(input: Buffer): Promise<void> {
  const path = spoolFile.holding(input);
  try {
    await readEntry(path);
  } catch (error) {
    if (error instanceof CliError) return;
    throw error;
  }
  // What has been checked can be sent.
  for await (const batch of resultsOf(path)) void batch;
}

async function checkReport(input: Buffer): Promise<void> {
  const path = reportFile.holding(input);
  const set = await readReportSet([path]);
  const context = { root: '/r', repo: undefined, variant: { os: 'linux' }, now: NOW };
  for await (const batch of testResultBatches(set, context)) {
    for (const result of batch.results()) checkTestResult(result, RULES);
  }
}
