/**
 * A process that exports one invocation from PostgreSQL into a folder, and prints each step on the
 * disk before it makes it, by name and count: `rename#2`. At the step it is told to stop at, it
 * waits to be killed.
 */
import { create } from '@bufbuild/protobuf';
import { openPostgres } from '@postlude/queue/postgres';
import { exportInvocation } from '../../../src/exporter/exporter.ts';
import { ParquetSink } from '../../../src/exporter/parquet/parquet-sink.ts';
import { BigQueryExportSchema } from '../../../src/gen/luci/resultdb/v1/invocation_pb.js';
import { parseInvocationId } from '../../../src/invocations/id.ts';
import { POSTLUDE_MIGRATIONS } from '../../../src/migrations/migrations.ts';
import { FaultyDisk } from '../../support/exports/faulty-disk.ts';
import { EXPORTED } from './exported-run.ts';

const [url = '', schema = '', root = '', index, attempt, stopAt] = process.argv.slice(2);
const db = await openPostgres({ url, schema, migrations: [POSTLUDE_MIGRATIONS] });
const disk = new FaultyDisk();
disk.onStep = async (name) => {
  const step = `${name}#${disk.steps.filter((other) => other === name).length}`;
  process.stdout.write(`${step}\n`);
  if (step === stopAt) await new Promise(() => undefined);
};
const destination = create(BigQueryExportSchema, { ...EXPORTED.table, testResults: {} });
const request = {
  invocationId: parseInvocationId(EXPORTED.invocationId),
  index: Number(index),
  destination,
  attempt: Number(attempt),
};
const sink = new ParquetSink({ root, disk });
const receipt = await exportInvocation(
  { db, sink, batches: { maxRows: 100, maxBytes: 1e6 } },
  request,
  new AbortController().signal,
);
process.stdout.write(`${JSON.stringify(receipt)}\n`);
await db.close();
