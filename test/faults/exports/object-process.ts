/**
 * A process that exports one invocation from PostgreSQL into object storage, as a server does. The
 * test kills it while one of its requests is on the way.
 */
import { create } from '@bufbuild/protobuf';
import { systemClock } from '@postlude/queue/foundations';
import { openPostgres } from '@postlude/queue/postgres';
import { exportInvocation } from '../../../src/exporter/exporter.ts';
import { detachedParts } from '../../../src/exporter/sinks/detached-parts.ts';
import { openSink } from '../../../src/exporter/sinks/sink-router.ts';
import { BigQueryExportSchema } from '../../../src/gen/luci/resultdb/v1/invocation_pb.js';
import { parseInvocationId } from '../../../src/invocations/id.ts';
import { POSTLUDE_MIGRATIONS } from '../../../src/migrations/migrations.ts';
import { EXPORTED } from './exported-run.ts';

const [url = '', schema = '', scratch = '', attempt = '', sink = ''] = process.argv.slice(2);
const db = await openPostgres({ url, schema, migrations: [POSTLUDE_MIGRATIONS] });
const { kind, ...options } = JSON.parse(sink) as { readonly kind: string };
const opened = await openSink({ kind, options }, detachedParts(systemClock, scratch));
const request = {
  invocationId: parseInvocationId(EXPORTED.invocationId),
  index: EXPORTED.index,
  destination: create(BigQueryExportSchema, { ...EXPORTED.table, testResults: {} }),
  attempt: Number(attempt),
};
const receipt = await exportInvocation(
  { db, sink: opened, batches: { maxRows: 100, maxBytes: 1e6 } },
  request,
  new AbortController().signal,
);
process.stdout.write(`${JSON.stringify(receipt)}\n`);
await opened.close();
await db.close();
