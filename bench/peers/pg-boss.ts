/**
 * pg-boss, in the two ways in which its users process many jobs: its workers, whose handler is given a batch,
 * and a loop of fetch and complete. Its maintenance is off while it is measured.
 */
import { CALLERS, type Contender, Countdown } from '../contenders/contender.ts';
import { openPool } from '../contenders/pool.ts';

/** What is used of the package, which is not installed with the project. */
interface Boss {
  start(): Promise<unknown>;
  stop(options: object): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): void;
  createQueue(name: string): Promise<void>;
  send(name: string, data: object): Promise<unknown>;
  insert(name: string, jobs: readonly object[]): Promise<unknown>;
  work(
    name: string,
    options: object,
    handler: (jobs: readonly Job[]) => Promise<void>,
  ): Promise<string>;
  fetch(name: string, options: object): Promise<readonly Job[]>;
  complete(name: string, ids: readonly string[]): Promise<unknown>;
}

interface Job {
  readonly id: string;
}

interface PgBoss {
  readonly PgBoss: new (options: object) => Boss;
}

const PACKAGE = 'pg-boss';
const QUEUE = 'bench';
const BATCH = 500;
const WORKERS = 2;

type Process = (boss: Boss, countdown: Countdown, count: number) => Promise<void>;

/** The worker API: workers go on at once after a full batch. */
export async function openPgBoss(url: string): Promise<Contender> {
  const configuration = `work(), batchSize ${BATCH}, localConcurrency ${WORKERS}, burstWhenBatchFull; supervise and schedule off; send and insert`;
  return await open(url, { name: 'pg_boss', configuration, process: work });
}

export async function openPgBossLoop(url: string): Promise<Contender> {
  const configuration = `${WORKERS} loops of fetch() and complete(), batchSize ${BATCH}; supervise and schedule off`;
  return await open(url, { name: 'pg_boss_loop', configuration, process: loops });
}

async function open(
  url: string,
  { process, ...about }: Pick<Contender, 'name' | 'configuration'> & { readonly process: Process },
): Promise<Contender> {
  const schema = about.name.replace('_', ''); // PostgreSQL keeps pg_… to itself
  const boss = await startBoss(url, schema);
  await boss.createQueue(QUEUE);
  const pool = openPool(url);
  return {
    ...about,
    empty: async () => void (await pool.query(`TRUNCATE ${schema}.job`)),
    analyze: async () => void (await pool.query(`ANALYZE ${schema}.job`)),
    async add(count) {
      if (count === 1) await boss.send(QUEUE, {});
      else
        await boss.insert(
          QUEUE,
          Array.from({ length: count }, () => ({})),
        );
    },
    async waiting() {
      const { rows } = await pool.query(
        `SELECT count(*)::int AS jobs FROM ${schema}.job WHERE state < 'completed'`,
      );
      return rows[0].jobs;
    },
    async process(count) {
      const worker = await startBoss(url, schema);
      const countdown = new Countdown(count);
      await process(worker, countdown, count);
      const times = countdown.end();
      await worker.stop({ graceful: true, close: true });
      return times;
    },
    async close() {
      await boss.stop({ graceful: false, close: true });
      await pool.end();
    },
  };
}

async function startBoss(url: string, schema: string): Promise<Boss> {
  const { PgBoss } = (await import(PACKAGE)) as PgBoss;
  const options = {
    connectionString: url,
    schema,
    max: CALLERS,
    supervise: false,
    schedule: false,
  };
  const boss = new PgBoss(options);
  boss.on('error', (error) => console.error(error));
  await boss.start();
  return boss;
}

async function work(boss: Boss, countdown: Countdown): Promise<void> {
  const options = {
    batchSize: BATCH,
    localConcurrency: WORKERS,
    burstWhenBatchFull: true,
    pollingIntervalSeconds: 0.5,
  };
  await boss.work(QUEUE, options, async (jobs) => countdown.handled(jobs.length));
  await countdown.done;
  await boss.stop({ graceful: true, close: false });
}

async function loops(boss: Boss, countdown: Countdown): Promise<void> {
  const loop = async (): Promise<void> => {
    for (;;) {
      const jobs = await boss.fetch(QUEUE, { batchSize: BATCH });
      if (jobs.length === 0) return;
      countdown.handled(jobs.length);
      await boss.complete(
        QUEUE,
        jobs.map(({ id }) => id),
      );
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, loop));
}
