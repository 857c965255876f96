/**
 * graphile-worker, as its own page on performance tunes it: jobs are fetched into a local queue and completed
 * in batches.
 */
import { CALLERS, type Contender, Countdown } from '../contenders/contender.ts';
import { openPool } from '../contenders/pool.ts';

/** What is used of the package, which is not installed with the project. */
export interface GraphileWorker {
  run(options: object): Promise<{ stop(): Promise<void> }>;
  makeWorkerUtils(options: object): Promise<WorkerUtils>;
  readonly Logger: new (factory: () => () => void) => object;
}

export interface WorkerUtils {
  addJob(task: string, payload: object): Promise<unknown>;
  addJobs(jobs: readonly object[]): Promise<unknown>;
  migrate(): Promise<void>;
  release(): Promise<void>;
}

const PACKAGE = 'graphile-worker';
const LOCAL_QUEUE = 500;
export const CONCURRENT_JOBS = 24;

const CONFIGURATION = `run(), localQueue ${LOCAL_QUEUE}, completeJobBatchDelay 0, concurrentJobs ${CONCURRENT_JOBS}; addJob and addJobs`;

export async function importGraphile(): Promise<GraphileWorker> {
  return (await import(PACKAGE)) as GraphileWorker;
}

/** Settings of a worker that fetches and completes in batches. */
export const BATCHING = {
  localQueue: { size: LOCAL_QUEUE },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
};

export interface GraphileRun {
  readonly url: string;
  readonly settings: object;
  readonly taskList: Readonly<Record<string, (payload: unknown) => Promise<void>>>;
}

/** Starts a worker in this process. */
export async function runGraphile(
  { run, Logger }: GraphileWorker,
  { url, settings, taskList }: GraphileRun,
): Promise<{ stop(): Promise<void> }> {
  const worker = { concurrentJobs: CONCURRENT_JOBS, maxPoolSize: CALLERS, ...settings };
  return await run({
    connectionString: url,
    noHandleSignals: true,
    logger: new Logger(() => () => undefined),
    preset: { worker },
    taskList,
  });
}

/** Opens what enqueues, with a pool of its own. */
export async function openUtils(graphile: GraphileWorker, url: string) {
  const pool = openPool(url);
  const utils = await graphile.makeWorkerUtils({ pgPool: pool });
  await utils.migrate();
  return {
    pool,
    utils,
    async close() {
      await utils.release();
      await pool.end();
    },
  };
}

export async function openGraphile(url: string): Promise<Contender> {
  const graphile = await importGraphile();
  const { pool, utils, close } = await openUtils(graphile, url);
  return {
    name: 'graphile_worker',
    configuration: CONFIGURATION,
    empty: async () => void (await pool.query('TRUNCATE graphile_worker._private_jobs')),
    analyze: async () => void (await pool.query('ANALYZE graphile_worker._private_jobs')),
    async add(jobs) {
      if (jobs === 1) await utils.addJob('bench', {});
      else await utils.addJobs(Array.from({ length: jobs }, () => ({ identifier: 'bench' })));
    },
    async waiting() {
      const { rows } = await pool.query(
        'SELECT count(*)::int AS jobs FROM graphile_worker._private_jobs',
      );
      return rows[0].jobs;
    },
    async process(jobs) {
      const countdown = new Countdown(jobs);
      const runner = await runGraphile(graphile, {
        url,
        settings: BATCHING,
        taskList: { bench: async () => countdown.handled() },
      });
      await countdown.done;
      await runner.stop();
      return countdown.end();
    },
    close,
  };
}
