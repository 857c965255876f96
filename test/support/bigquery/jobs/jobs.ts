/**
 * Jobs, each of which runs one statement: `MERGE … ON FALSE`, which deletes rows and inserts others in one step.
 * An id is used once, whatever becomes of its job. A job takes effect when it has been looked at as often as the
 * limits say, so that a client may die while it runs.
 */
import { ApiError } from '../errors.ts';
import type { Table, TableName } from '../table.ts';
import { checkColumns, invalid, type JobSurroundings, type Merge, merge } from './merge.ts';

export interface JobError {
  readonly reason: string;
  readonly message: string;
}

interface Job {
  readonly resource: object;
  readonly location: string;
  readonly statement: string;
  polls: number;
  error: JobError | undefined;
  isDone: boolean;
}

interface Body {
  readonly jobReference?: { readonly jobId?: string; readonly location?: string };
  readonly configuration?: {
    readonly dryRun?: boolean;
    readonly query?: { readonly query?: string; readonly useLegacySql?: boolean };
  };
}

const LOCATION = 'US';
const NAME = '`([^`.]+)\\.([^`.]+)\\.([^`.]+)`';
const MERGE = new RegExp(
  `^MERGE ${NAME} AS present
USING (?:${NAME}|\\(
  SELECT \\* FROM ${NAME}
  WHERE TRUE
  QUALIFY ROW_NUMBER\\(\\) OVER \\(PARTITION BY ([^)]+)\\) = 1
\\)) AS staged
ON FALSE
WHEN NOT MATCHED BY SOURCE
  AND present\\.([\\w.]+) = TIMESTAMP "([^"]+)"
  AND present\\.([\\w.]+) = "([^"]+)"
  THEN DELETE
WHEN NOT MATCHED BY TARGET
  THEN INSERT \\(([^)]+)\\) VALUES \\(([^)]+)\\)$`,
);

export class Jobs {
  readonly #warehouse: JobSurroundings;
  readonly #jobs = new Map<string, Job>();
  /** Each job that runs asks for a failure; tests set it. */
  fails: () => JobError | undefined = () => undefined;
  isForbidden = false;

  constructor(warehouse: JobSurroundings) {
    this.#warehouse = warehouse;
  }

  insert(project: string, { configuration = {}, jobReference = {} }: Body): object {
    if (this.isForbidden) {
      const message = `Access Denied: Project ${project}: User does not have bigquery.jobs.create permission in project ${project}.`;
      throw new ApiError(403, 'accessDenied', message);
    }
    const { location = LOCATION, jobId = '' } = jobReference;
    const { query: statement = '', useLegacySql = true } = configuration.query ?? {};
    if (useLegacySql) throw new ApiError(400, 'invalidQuery', 'The statement is no legacy SQL.');
    if (configuration.dryRun) {
      this.#parse(statement, location);
      return { kind: 'bigquery#job', status: { state: 'DONE' } };
    }
    if (!/^[\w-]{1,1024}$/.test(jobId)) throw new ApiError(400, 'invalid', 'Invalid job ID.');
    const id = `${project}:${location}.${jobId}`;
    if (this.#jobs.has(id)) throw new ApiError(409, 'duplicate', `Already Exists: Job ${id}`);
    const resource = { kind: 'bigquery#job', id };
    const job = { resource, location, statement, polls: 0, error: undefined, isDone: false };
    this.#jobs.set(id, job);
    return this.#look(job);
  }

  get(project: string, jobId: string, location = LOCATION): object {
    const id = `${project}:${location}.${jobId}`;
    const job = this.#jobs.get(id);
    if (!job) throw new ApiError(404, 'notFound', `Not found: Job ${id}`);
    return this.#look(job);
  }

  #look(job: Job): object {
    if (!job.isDone && job.polls++ >= this.#warehouse.limits.jobPolls) this.#run(job);
    const { error, isDone, resource } = job;
    const status = { state: isDone ? 'DONE' : 'RUNNING', ...(error && { errorResult: error }) };
    return { ...resource, status };
  }

  #run(job: Job): void {
    job.isDone = true;
    job.error = this.fails();
    if (job.error) return;
    try {
      merge(this.#parse(job.statement, job.location), this.#warehouse);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      job.error = { reason: error.reason, message: error.message };
    }
  }

  #parse(statement: string, location: string): Merge {
    const match = MERGE.exec(statement);
    if (!match) throw invalid(`Syntax error: ${statement}`);
    const [, ...parts] = match;
    const [project = '', dataset = '', table = ''] = parts;
    const isDistinct = parts[6] !== undefined;
    const [from = '', fromDataset = '', fromTable = ''] = parts.slice(isDistinct ? 6 : 3);
    const [key, timeColumn = '', time = '', idColumn = '', id = '', columns = ''] = parts.slice(9);
    const named = (name: TableName): Table => {
      if (location === LOCATION) return this.#warehouse.get(name);
      throw new ApiError(404, 'notFound', `Not found: Dataset ${dataset} in location ${location}`);
    };
    const merging = {
      target: named({ project, dataset, table }),
      source: named({ project: from, dataset: fromDataset, table: fromTable }),
      key: key?.split(', '),
      equal: [
        [timeColumn, time],
        [idColumn, id],
      ],
      columns: columns.replaceAll('`', '').split(', '),
    } as const;
    checkColumns(merging);
    return merging;
  }
}
