import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { eachDatabase } from '../../../test/support/databases/databases.ts';
import { expectColumns } from '../../../test/support/exports/expect-columns.ts';
import { GRAPH_CREATE_TIME, writeGraph } from '../../../test/support/exports/export-graph.ts';
import { MemorySink } from '../../../test/support/exports/memory-sink.ts';
import { BigQueryExportSchema } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import type { InvocationId } from '../../invocations/id.ts';
import { INVOCATION_ROW_INDEX } from '../export-index.ts';
import { exportInvocation } from '../exporter.ts';
import { INVOCATION_COLUMNS } from './schema.ts';

const CREATED = GRAPH_CREATE_TIME * 1000;
const destination = create(BigQueryExportSchema, { project: 'p', dataset: 'd', table: 't' });
const LIVE = new AbortController().signal;

const NO_SOURCES = {
  gitiles_commit: undefined,
  changelists: [],
  submitted_android_build: undefined,
};

eachDatabase((open) => {
  async function exportRow(id: string) {
    const db = await open();
    await writeGraph(db, {
      run: {
        realm: 'acme:ci/linux',
        tags: [{ key: 'os', value: 'linux' }],
        properties: { command: { exitCode: 1 } },
        fields: {
          isExportRoot: true,
          extendedProperties: { b: { x: 2 }, a: { x: 1 } },
          sourceSpec: { sources: { isDirty: true } },
        },
        includes: ['s2', 's1'],
        results: [{ testId: 't' }],
      },
      s1: { results: [{ testId: 't' }] },
      s2: {},
    });
    const sink = new MemorySink();
    const request = { invocationId: id as InvocationId, index: INVOCATION_ROW_INDEX, destination };
    const attempt = (number: number) =>
      exportInvocation({ db, sink }, { ...request, attempt: number }, LIVE);
    return { sink, attempt };
  }

  test('an invocation is one row, whatever it reaches', async () => {
    const { attempt, sink } = await exportRow('run');
    expect(await attempt(1)).toMatchObject({ rows: 1 });
    expect(sink.committed).toEqual([
      {
        project: 'acme',
        realm: 'ci/linux',
        id: 'run',
        create_time: CREATED,
        tags: [{ key: 'os', value: 'linux' }],
        finalize_time: CREATED + 60_000_000,
        included_invocations: ['s1', 's2'],
        producer_resource: undefined,
        properties: '{"command":{"exitCode":1}}',
        partition_time: CREATED,
        is_export_root: true,
        extended_properties: '{"a":{"x":1},"b":{"x":2}}',
        sources: { ...NO_SOURCES, is_dirty: true },
      },
    ]);
    for (const row of sink.committed) expectColumns(row, INVOCATION_COLUMNS);
  });

  test('what it does not have is NULL, and lists are empty', async () => {
    const { attempt, sink } = await exportRow('s2');
    await attempt(1);
    expect(sink.committed).toMatchObject([
      {
        tags: [],
        included_invocations: [],
        producer_resource: undefined,
        properties: undefined,
        is_export_root: false,
        extended_properties: undefined,
        sources: undefined,
      },
    ]);
  });

  test('a later attempt does not write the row again that an earlier one has written', async () => {
    const { attempt, sink } = await exportRow('run');
    sink.onStep = (step) => {
      if (step === 'commit') throw new Error('the connection is lost');
    };
    await expect(attempt(1)).rejects.toThrow('lost');
    sink.onStep = () => undefined;
    expect(await attempt(2)).toMatchObject({ rows: 1 });
    expect(sink.committed).toHaveLength(1);
  });
});
