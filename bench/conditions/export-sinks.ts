/** The sinks that export-rate measures. */
import { systemClock, systemRandom } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { BigQuerySink } from '../../src/exporter/bigquery/bigquery-sink.ts';
import { openJobClient } from '../../src/exporter/bigquery/clients/google-job-client.ts';
import { openStreamClient } from '../../src/exporter/bigquery/clients/google-stream-client.ts';
import { openTableClient } from '../../src/exporter/bigquery/clients/google-table-client.ts';
import { protoEncoder } from '../../src/exporter/bigquery/rows/proto-row.ts';
import type { ExportRow } from '../../src/exporter/rows/row-kind.ts';
import { TEST_RESULT_COLUMNS } from '../../src/exporter/rows/schema.ts';
import type { Sink } from '../../src/exporter/sink.ts';
import { detachedParts } from '../../src/exporter/sinks/detached-parts.ts';
import type { OpenSink } from '../../src/exporter/sinks/sink-kind.ts';
import { openSink } from '../../src/exporter/sinks/sink-router.ts';
import type { Addresses } from './bench-bigquery.ts';

export const SINK_NAMES = ['parquet', 's3', 'gcs', 'bigquery', 'bare'] as const;
export type SinkName = (typeof SINK_NAMES)[number];

type BenchSink = Sink & Partial<Pick<OpenSink, 'close' | 'verify'>>;

/** A bucket of a server on this machine. */
export interface Bucket {
  readonly endpoint: string;
  readonly bucket: string;
  /** A folder for files that are to be uploaded. */
  readonly scratch: string;
}

/** `to` is a folder, or JSON: a bucket, or the addresses of a fake BigQuery. */
export async function openBenchSink(name: SinkName, to: string, db: Database): Promise<BenchSink> {
  if (name === 'parquet') {
    return await openSink(
      { kind: 'parquet', options: { folder: to } },
      detachedParts(systemClock, ''),
    );
  }
  if (name === 's3' || name === 'gcs') {
    const { endpoint, bucket, scratch } = JSON.parse(to) as Bucket;
    const region = name === 's3' ? { region: 'us-east-1' } : {};
    const options = { endpoint, bucket, prefix: '', ...region };
    return await openSink({ kind: name, options }, detachedParts(systemClock, scratch));
  }
  if (name === 'bare') return bareLoop();
  const { httpUrl, grpcHost } = JSON.parse(to) as Addresses;
  return new BigQuerySink({
    api: 'storage-write',
    db,
    tables: await openTableClient({ endpoint: httpUrl }),
    streams: await openStreamClient({ endpoint: grpcHost }),
    jobs: await openJobClient({ endpoint: httpUrl }),
    clock: systemClock,
    random: systemRandom,
  });
}

/** Encodes the rows for BigQuery, and throws them away. */
function bareLoop(): Sink {
  const encode = protoEncoder<ExportRow>(TEST_RESULT_COLUMNS);
  let bytes = 0;
  return {
    find: async () => undefined,
    begin: async () => ({
      append: async ({ rows }) => {
        for (const row of rows) bytes += encode(row).length;
      },
      commit: async ({ rows }) => ({ rows, location: 'nowhere', bytes }),
      abort: async () => undefined,
    }),
  };
}
