/** Runs exports of graphs into memory, and describes their rows briefly. */
import { create } from '@bufbuild/protobuf';
import { type ExporterParts, exportInvocation } from '../../../src/exporter/exporter.ts';
import type { Receipt } from '../../../src/exporter/sink.ts';
import {
  type BigQueryExport,
  BigQueryExportSchema,
} from '../../../src/gen/luci/resultdb/v1/invocation_pb.js';
import {
  type TestResultPredicate,
  TestResultPredicateSchema,
} from '../../../src/gen/luci/resultdb/v1/predicate_pb.js';
import type { InvocationId } from '../../../src/invocations/id.ts';
import { openTestPglite } from '../databases/databases.ts';
import { type GraphNode, writeGraph } from './export-graph.ts';
import { MemorySink } from './memory-sink.ts';

const LIVE = new AbortController().signal;

export type Predicate = Partial<
  Pick<TestResultPredicate, 'testIdRegexp' | 'variant' | 'expectancy' | 'excludeExonerated'>
>;

interface Run extends Partial<ExporterParts> {
  readonly db: ExporterParts['db'];
  readonly sink: MemorySink;
  readonly id?: string;
  readonly predicate?: Predicate;
  readonly signal?: AbortSignal;
}

export function runExport({ id = 'a', predicate, signal = LIVE, ...parts }: Run): Promise<Receipt> {
  const destination = destinationOf(predicate);
  const request = { invocationId: id as InvocationId, index: 0, destination, attempt: 1 };
  return exportInvocation(parts, request, signal);
}

export function destinationOf(predicate: Predicate | undefined): BigQueryExport {
  return create(BigQueryExportSchema, {
    project: 'acme',
    dataset: 'tests',
    table: 'results',
    testResults: predicate ? { predicate: create(TestResultPredicateSchema, predicate) } : {},
  });
}

/** Returns the rows as `parent/test/result`, with a `!` if they are exonerated. */
export function brief(sink: MemorySink): string[] {
  return sink.results
    .map((row) => `${row.parent.id}/${row.test_id}/${row.result_id}${row.exonerated ? '!' : ''}`)
    .sort();
}

export async function exported(
  graph: Readonly<Record<string, GraphNode>>,
  predicate?: Predicate,
): Promise<string[]> {
  const db = await openTestPglite();
  await writeGraph(db, graph);
  const sink = new MemorySink();
  await runExport({ db, sink, ...(predicate ? { predicate } : {}) });
  return brief(sink);
}

export function failing(testId: string, more: object = {}) {
  return { testId, expected: false, ...more };
}
