/** Exports of numbered results into a fake BigQuery, attempt by attempt. */
import { create } from '@bufbuild/protobuf';
import type { Database } from '@postlude/queue/storage';
import { writeExportRequest } from '../../../src/exporter/export-requests.ts';
import { exportInvocation } from '../../../src/exporter/exporter.ts';
import type { Receipt, Sink } from '../../../src/exporter/sink.ts';
import { BigQueryExportSchema } from '../../../src/gen/luci/resultdb/v1/invocation_pb.js';
import type { InvocationId } from '../../../src/invocations/id.ts';
import type { FakeBigQuery } from '../bigquery/fake-bigquery.ts';
import type { GraphNode } from './export-graph.ts';

const LIVE = new AbortController().signal;

export interface OneAttempt {
  readonly db: Pick<Database, 'read'>;
  readonly sink: Sink;
  readonly id?: string;
  readonly index?: number;
  readonly dataset?: string;
  readonly table?: string;
  readonly attempt?: number;
  readonly signal?: AbortSignal;
}

/** Runs one attempt. The exporter hands over three rows at a time. */
export async function exportOnce(wanted: OneAttempt): Promise<Receipt> {
  const { id = 'a', index = 0, attempt = 1, signal = LIVE, db, sink } = wanted;
  const { dataset = 'tests', table = 'results' } = wanted;
  const names = { project: 'acme', dataset, table };
  const destination = create(BigQueryExportSchema, { ...names, testResults: {} });
  const request = { invocationId: id as InvocationId, index, destination, attempt };
  const limits = { batches: { maxRows: 3, maxBytes: 1_000_000 }, pageRows: 4 };
  return await exportInvocation({ db, sink, ...limits }, request, signal);
}

const MAX_ATTEMPTS = 12;

/** Runs attempts until one succeeds, and returns its receipt and their number. */
export async function exportUntilDone(
  wanted: Omit<OneAttempt, 'sink' | 'attempt'> & {
    readonly openSink: () => Promise<Sink>;
    /** The number of the first attempt; 1 unless given. */
    readonly from?: number;
  },
): Promise<{ readonly receipt: Receipt; readonly attempts: number }> {
  const failures: unknown[] = [];
  const { from = 1 } = wanted;
  for (let attempts = 1; attempts <= MAX_ATTEMPTS; attempts++) {
    const attempt = from + attempts - 1;
    try {
      const sink = await wanted.openSink();
      return { receipt: await exportOnce({ ...wanted, sink, attempt }), attempts };
    } catch (error) {
      failures.push(error);
    }
  }
  throw new AggregateError(failures, `not done after ${MAX_ATTEMPTS} attempts`);
}

/** An invocation with the results `t0`, `t1`, … */
export function numbered(count: number, id = 'a'): Record<string, GraphNode> {
  const results = Array.from({ length: count }, (_, index) => ({ testId: `t${index}` }));
  return { [id]: { results } };
}

/** As `landedRows` describes them. */
export function numberedRows(count: number, id = 'a'): string[] {
  return Array.from({ length: count }, (_, index) => `${id}/t${index}/0`).sort();
}

/** The rows of a table as `parent/test/result`, sorted. */
export function landedRows(bigQuery: FakeBigQuery, table = 'results'): string[] {
  return bigQuery
    .rows({ project: 'acme', dataset: 'tests', table })
    .map(({ parent, test_id, result_id }) => {
      return `${(parent as { readonly id: string }).id}/${test_id}/${result_id}`;
    })
    .sort();
}

/** Asks for another generation of an export, as ExportAgain does. */
export async function askAgain(
  db: Pick<Database, 'write'>,
  { generation = 1, id = 'a', index = 0, table = 'results' } = {},
): Promise<void> {
  const names = { project: 'acme', dataset: 'tests', table };
  const destination = create(BigQueryExportSchema, { ...names, testResults: {} });
  const asked = { index, destination, generation, requestTime: 0 };
  await db.write((tx) => writeExportRequest(tx, id as InvocationId, asked));
}
