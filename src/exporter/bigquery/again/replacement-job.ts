/**
 * Runs the statement that replaces rows, as a job. Its id is derived from the export, so that an attempt finds
 * the job that an earlier one has started, and BigQuery never runs two of them at a time. A job that failed
 * has used up its id; the next one has the next number.
 */
import { type Backoff, backoffCeilingMs, CodedError, hasCode } from '@postlude/queue/foundations';
import { type ExportTable, SinkBusyError } from '../../sink.ts';
import type { JobClient, JobName, JobState } from '../clients/ports.ts';
import type { TableCalls } from '../tables/table-calls.ts';

export interface ReplacementJob extends Omit<JobName, 'id'> {
  readonly fingerprint: string;
  /** The table whose rows are replaced. */
  readonly table: ExportTable;
  readonly statement: string;
}

export interface ReplacementJobParts {
  readonly client: JobClient;
  readonly calls: TableCalls;
}

const MAX_FAILED_JOBS = 1_000;
const POLLS: Backoff = { initialMs: 250, maxMs: 10_000 };
/** Rows leave the streaming buffer after 30 to 90 minutes. */
const BUFFER_PAUSE_MS = 10 * 60_000;

/**
 * Returns once the rows have been replaced. Throws `SinkBusyError` if a quota is used up, or if there are rows
 * that cannot be replaced yet.
 */
export async function runReplacement(
  parts: ReplacementJobParts,
  job: ReplacementJob,
  signal?: AbortSignal,
): Promise<void> {
  let failed = 0;
  const run = async () => {
    while (failed < MAX_FAILED_JOBS) {
      const { isNew, state } = await startOrFind(parts.client, job, failed);
      const ended = await untilEnded(parts, nameOf(job, failed), { state, signal });
      if (ended === undefined) return;
      failed++;
      // The failure of a job that an earlier attempt started says nothing about the next one.
      if (isNew) throw ended;
    }
    throw new CodedError('invalid-argument', `BigQuery: ${failed} jobs have failed`);
  };
  try {
    await parts.calls.call(job.table, run, signal);
  } catch (error) {
    if (!hasCode(error, 'failed-precondition')) throw error;
    throw new SinkBusyError(error.message, BUFFER_PAUSE_MS);
  }
}

interface Started {
  readonly isNew: boolean;
  readonly state: JobState;
}

async function startOrFind(
  client: JobClient,
  job: ReplacementJob,
  number: number,
): Promise<Started> {
  const name = nameOf(job, number);
  try {
    return { isNew: true, state: await client.insert(name, job.statement) };
  } catch (error) {
    if (!hasCode(error, 'already-exists')) throw error;
    return { isNew: false, state: await client.find(name) };
  }
}

interface Watching {
  readonly state: JobState;
  readonly signal: AbortSignal | undefined;
}

/** Returns why it failed. */
async function untilEnded(
  { calls, client }: ReplacementJobParts,
  name: JobName,
  { signal, state: first }: Watching,
): Promise<CodedError | undefined> {
  let state = first;
  for (let polls = 1; state.kind === 'running'; polls++) {
    await calls.clock.sleep(backoffCeilingMs(POLLS, polls), signal);
    signal?.throwIfAborted();
    state = await client.find(name);
  }
  return state.kind === 'failed' ? state.error : undefined;
}

function nameOf({ fingerprint, location, project }: ReplacementJob, number: number): JobName {
  return { project, location, id: `postlude_${fingerprint}_${number}` };
}
