/** A fake BigQuery, and sinks that write into it through Google's own clients. */

import type { Database } from '@postlude/queue/storage';
import { onTestFinished } from 'vitest';
import type { RequestLimits } from '../../../src/exporter/bigquery/bigquery-session.ts';
import { BigQuerySink } from '../../../src/exporter/bigquery/bigquery-sink.ts';
import { openJobClient } from '../../../src/exporter/bigquery/clients/google-job-client.ts';
import { openStreamClient } from '../../../src/exporter/bigquery/clients/google-stream-client.ts';
import { openTableClient } from '../../../src/exporter/bigquery/clients/google-table-client.ts';
import { FakeBigQuery } from '../bigquery/fake-bigquery.ts';
import type { Limits } from '../bigquery/limits.ts';
import { ImpatientClock } from './impatient-clock.ts';

export const TABLE = { project: 'acme', dataset: 'tests', table: 'results' };

export type Api = 'storage-write' | 'insert-all';

export interface SinkOptions {
  readonly api?: Api;
  readonly limits?: RequestLimits;
}

type Progress = Pick<Database, 'read' | 'write'>;

export interface BigQueryWorld {
  readonly bigQuery: FakeBigQuery;
  readonly clock: ImpatientClock;
  /** Opens a sink as another process would. By default it sends four rows at a time, twice at once. */
  openSink(db: Progress, options?: SinkOptions): Promise<BigQuerySink>;
}

const random = () => 0.5;
const SMALL: RequestLimits = { rows: 4, bytes: 1_000_000, inFlight: 2 };

export async function openBigQuery(limits: Partial<Limits> = {}): Promise<BigQueryWorld> {
  const clock = new ImpatientClock();
  const bigQuery = await FakeBigQuery.start({ clock, limits });
  onTestFinished(() => bigQuery.close());
  bigQuery.addDataset(TABLE.project, TABLE.dataset);
  const openSink = async (db: Progress, { api = 'storage-write', ...more }: SinkOptions = {}) => {
    const { apiEndpoint } = bigQuery.httpOptions;
    const { servicePath, port } = bigQuery.grpcOptions;
    const tables = await openTableClient({ endpoint: apiEndpoint });
    const streams = await openStreamClient({ endpoint: `${servicePath}:${port}` });
    const jobs = await openJobClient({ endpoint: apiEndpoint });
    const clients = { tables, streams, jobs };
    const sink = new BigQuerySink({ api, db, ...clients, clock, random, limits: SMALL, ...more });
    onTestFinished(() => sink.close());
    return sink;
  };
  return { bigQuery, clock, openSink };
}
