/**
 * Jobs through @google-cloud/bigquery. Its own methods for jobs are not used: they do not say of a job that
 * failed at once whether it exists, and they run each job in the client's own project.
 */
import type { BigQuery } from '@google-cloud/bigquery';
import { fromHttpError, fromJobError, type JobError } from './client-errors.ts';
import { openHttpClient, type TableClientOptions } from './google-table-client.ts';
import type { JobClient, JobName, JobState } from './ports.ts';

export async function openJobClient(options: TableClientOptions): Promise<JobClient> {
  return new GoogleJobClient(await openHttpClient(options));
}

/** The part of the resource of a job that is read. */
interface Job {
  readonly status?: { readonly state?: string; readonly errorResult?: JobError };
}

type Request = Parameters<BigQuery['request']>[0];

class GoogleJobClient implements JobClient {
  readonly #client: BigQuery;

  constructor(client: BigQuery) {
    this.#client = client;
  }

  async insert({ id, ...job }: JobName, statement: string): Promise<JobState> {
    return stateOf(await this.#insert(job, { statement, id }));
  }

  async find({ id, location, project: projectId }: JobName): Promise<JobState> {
    const qs = location === undefined ? {} : { location };
    const uri = `/jobs/${encodeURIComponent(id)}`;
    const request = { method: 'GET', uri, qs, projectId } as const;
    return stateOf(await this.#call(request, `read the job ${id}`));
  }

  async check(job: Omit<JobName, 'id'>, statement: string): Promise<void> {
    const state = stateOf(await this.#insert(job, { statement, isDry: true }));
    if (state.kind === 'failed') throw state.error;
  }

  #insert(
    { location, project: projectId }: Omit<JobName, 'id'>,
    {
      id,
      isDry,
      statement,
    }: { readonly id?: string; readonly isDry?: true; readonly statement: string },
  ): Promise<Job> {
    const jobReference = { projectId, jobId: id, location };
    const query = { query: statement, useLegacySql: false };
    const json = { jobReference, configuration: { dryRun: isDry, query } };
    const request = { method: 'POST', uri: '/jobs', json, projectId } as const;
    return this.#call(request, `run a job in ${projectId}`);
  }

  async #call(request: Request, action: string): Promise<Job> {
    const answer = Promise.withResolvers<Job>();
    this.#client.request(request, (error, body) => {
      if (error) answer.reject(fromHttpError(error, action));
      else answer.resolve(body as Job);
    });
    return await answer.promise;
  }
}

function stateOf({ status }: Job): JobState {
  if (status?.errorResult) return { kind: 'failed', error: fromJobError(status.errorResult) };
  return { kind: status?.state === 'DONE' ? 'done' : 'running' };
}
