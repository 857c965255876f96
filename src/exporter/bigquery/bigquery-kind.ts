/** The kind of sink that writes into BigQuery. */
import { systemRandom } from '@postlude/queue/foundations';
import { type OpenSink, type SinkParts, sinkKind } from '../sinks/sink-kind.ts';
import { choice, optional, type SinkOption, text, url } from '../sinks/sink-options.ts';
import { BigQuerySink } from './bigquery-sink.ts';
import { openJobClient } from './clients/google-job-client.ts';
import { BIGQUERY_STORAGE, openStreamClient } from './clients/google-stream-client.ts';
import { BIGQUERY, openTableClient } from './clients/google-table-client.ts';
import { probeDataset } from './probe.ts';

interface Dataset {
  readonly project: string;
  readonly dataset: string;
}

/** A dataset as `project.dataset`; a project of a domain is `example.com:project`. */
function dataset(description: string): SinkOption<Dataset> {
  const { parse } = text(description);
  return {
    takes: 'project.dataset',
    description,
    parse: (value, folder) => {
      const [, project, name] = /^(.+)\.([^.]+)$/.exec(parse(value, folder)) ?? [];
      if (project === undefined || name === undefined) throw new Error('must be project.dataset');
      return { project, dataset: name };
    },
  };
}

export const bigQueryKind = sinkKind({
  options: {
    api: optional(
      choice(
        'How rows are written: each exactly once, or each at least once.',
        'storage-write',
        'insert-all',
      ),
      'storage-write',
    ),
    probe: optional(
      dataset(
        'Where `doctor` creates a table, writes a row, and deletes it, to see whether that is allowed.',
      ),
    ),
    jobProject: optional(
      text(
        'The project in which exports that are made again run a job; by default that of the table.',
      ),
    ),
    endpoint: optional(url('The address of an emulator; it gets no credentials.')),
    storageEndpoint: optional(
      text('The address of the emulator’s Storage Write API, without TLS.', 'host:port'),
    ),
  },
  packages: [BIGQUERY, BIGQUERY_STORAGE],
  open: async ({ probe, endpoint, storageEndpoint, ...options }, { db, clock }: SinkParts) => {
    const tables = await openTableClient({ endpoint });
    const jobs = await openJobClient({ endpoint });
    const streams = await openStreamClient({ endpoint: storageEndpoint });
    const clients = { tables, jobs, streams };
    const parts = { ...options, ...clients, db, clock, random: systemRandom };
    const sink = new BigQuerySink(parts);
    return {
      begin: (exported, signal) => sink.begin(exported, signal),
      checkAgain: (exported) => sink.checkAgain(exported),
      find: (exported) => sink.find(exported),
      probe: async (signal) => {
        if (probe === undefined) return { location: 'no dataset to try is configured' };
        return await probeDataset(parts, probe, signal);
      },
      close: () => sink.close(),
    } satisfies OpenSink;
  },
});
