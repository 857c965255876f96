/**
 * One random history of push tasks, which its seed repeats. In virtual time, processes add tasks in
 * transactions, some of which are rolled back, sweep alone and together, and run tasks, with all the faults of
 * chaos-process.ts. Then the faults stop. In the end all tasks of committed transactions must have been handled,
 * and no others, and no reminder may be left after two sweeps.
 */

import { noPayload, standardPayload, TaskQueue, taskType } from '@postlude/queue';
import { type Random, randomInt, seededRandom } from '@postlude/queue/foundations';
import type { Database, Transaction } from '@postlude/queue/storage';
import { sql } from '@postlude/queue/storage';
import { tasks } from '@postlude/queue/tables';
import { executeHere, FakeClock, TaskScheduler } from '@postlude/queue/testing';
import type { Submitter } from '@postlude/queue/tq';
import {
  DistributedSweep,
  listReminders,
  redriveReminders,
  Sweeper,
  sweepTaskClass,
  TaskClasses,
  Tq,
  taskClass,
} from '@postlude/queue/tq';
import { z } from 'zod';
import { ChaosProcess } from './chaos-process.ts';
import { Turns } from './turns.ts';

export interface ChaosOutcome {
  /** How many tasks committed transactions have added. */
  readonly committed: number;
  /** The names of committed tasks that no handler ever saw. */
  readonly lost: readonly string[];
  /** The names of tasks that were handled although their transactions were not committed. */
  readonly foreign: readonly string[];
  readonly remindersLeft: number;
  /** How many sweeps were needed after the last fault. */
  readonly sweeps: number;
  /** The names of all steps, in order. */
  readonly trace: readonly string[];
}

const WORK = taskClass({
  id: 'work',
  payload: standardPayload(z.object({ name: z.string() })),
  kind: 'transactional',
  queue: 'work',
});

/** A task of this type says in the database that its transaction was committed. */
const COMMITTED = taskType('committed', noPayload);

const PROCESSES = 3;
const TRANSACTIONS = 4;
const MAX_TASKS = 3;
const RUNS = 12;
const MINUTE = 60_000;
/** Limits so small that a few reminders reach all of them. */
const LIMITS = { shards: 2, tasksPerScan: 4, secondaryShards: 2, batchSize: 3 };
/** The first sweep finds what is left, and the second one what had to be redriven. */
export const SWEEPS_BOUND = 2;
/** One more sweep is made, so that a broken bound is seen. */
const MAX_SWEEPS = SWEEPS_BOUND + 1;

/** Breaks what must not break, to check that the test notices. */
export interface Sabotage {
  readonly database?: (db: Database) => Database;
  readonly submitter?: (submitter: Submitter) => Submitter;
}

/** Runs one history. The database must contain no reminders. */
export async function tqChaos(
  db: Database,
  seed: number,
  sabotage: Sabotage = {},
): Promise<ChaosOutcome> {
  const history = new History(db, seed, sabotage);
  await history.rage();
  const sweeps = await history.heal();
  return await history.outcome(sweeps);
}

class History {
  readonly #db: Database;
  readonly #sabotage: Sabotage;
  readonly #prefix: string;
  readonly #random: Random;
  readonly #turns: Turns;
  readonly #clock = new FakeClock();
  readonly #scheduler: TaskScheduler;
  readonly #classes: TaskClasses;
  readonly #sweepTask = sweepTaskClass({ queue: 'sweep' });
  /** The names of the tasks that each transaction adds. */
  readonly #added = new Map<string, string[]>();
  readonly #handled = new Set<string>();
  /** Handles the tasks of distributed sweeps. */
  #handleSweep: DistributedSweep['handle'] | undefined;
  #ids = 0;

  constructor(db: Database, seed: number, sabotage: Sabotage) {
    this.#db = db;
    this.#sabotage = sabotage;
    this.#prefix = `${seed}`;
    this.#random = seededRandom(seed);
    this.#turns = new Turns(this.#random);
    this.#classes = new TaskClasses([WORK, this.#sweepTask]);
    this.#classes.attach(WORK, async ({ payload }) => this.#handle(payload.name));
    this.#classes.attach(this.#sweepTask, (task, context) => {
      if (!this.#handleSweep) throw new Error('nobody sweeps');
      return this.#handleSweep(task, context);
    });
    const clock = this.#clock;
    const execute = executeHere({ classes: this.#classes, clock });
    this.#scheduler = new TaskScheduler({ clock, execute, maxAttempts: Number.POSITIVE_INFINITY });
  }

  /** Runs everything at once until nothing is under way. */
  async rage(): Promise<void> {
    for (let number = 1; number <= PROCESSES; number++) this.#startProcess(`p${number}`);
    this.#quietly(this.#runTasks());
    await this.#turns.run({
      onQuiet: () => this.#clock.advanceToNext(),
      between: () => {
        if (this.#random() < 0.03) this.#clock.advance(this.#random() * 1.5 * MINUTE);
      },
    });
  }

  /** Sweeps until no reminder is left. Returns how often. */
  async heal(): Promise<number> {
    const together = this.#sweepTogether(); // it also runs tasks that earlier sweeps left in the queue
    const sweep = this.#chance(0.5) ? together : this.#sweepAlone();
    for (let sweeps = 1; ; sweeps++) {
      this.#clock.advance(2 * MINUTE);
      await sweep();
      await redriveReminders(this.#db);
      await this.#scheduler.run({ random: this.#random });
      if ((await this.#reminders()) === 0 || sweeps === MAX_SWEEPS) return sweeps;
    }
  }

  async outcome(sweeps: number): Promise<ChaosOutcome> {
    const transactions = await this.#committedTransactions();
    const committed = transactions.flatMap((name) => this.#added.get(name) ?? []);
    const outcome = {
      committed: committed.length,
      lost: committed.filter((name) => !this.#handled.has(name)),
      foreign: [...this.#handled].filter((name) => !committed.includes(name)),
      remindersLeft: await this.#reminders(),
      sweeps,
      trace: this.#turns.trace,
    };
    await this.#db.write((tx) =>
      tx.delete(
        tasks,
        transactions.map((id) => ({ type: COMMITTED.name, id })),
      ),
    );
    return outcome;
  }

  #startProcess(name: string): void {
    const { turns, random } = { turns: this.#turns, random: this.#random };
    const { database = same, submitter: sabotaged = same } = this.#sabotage;
    const chaos = new ChaosProcess({ name, turns, random });
    const db = database(chaos.database(this.#db));
    const submitter = sabotaged(chaos.submitter(this.#scheduler));
    const tq = this.#tqOf(db, submitter);
    const clock = this.#clock;
    this.#quietly(this.#addTransactions(name, db, tq));
    const sweeper = new Sweeper({ ...LIMITS, db, submitter, clock, random });
    const parts = { db, submitter, tq, clock, random, taskClass: this.#sweepTask };
    const distributed = new DistributedSweep({ ...LIMITS, ...parts });
    this.#handleSweep = (task, context) => chaos.watched(() => distributed.handle(task, context));
    this.#quietly(this.#sweepNowAndThen(() => sweeper.runOnce()));
    this.#quietly(this.#sweepNowAndThen(() => distributed.initiate()));
  }

  async #addTransactions(process: string, db: Database, tq: Tq): Promise<void> {
    const queue = new TaskQueue({ db, clock: this.#clock });
    for (let number = 1; number <= TRANSACTIONS; number++) {
      const transaction = `${this.#prefix}/${process}/${number}`;
      const names = Array.from(
        { length: 1 + randomInt(this.#random, MAX_TASKS) },
        (_, index) => `${transaction}/${index}`,
      );
      this.#added.set(transaction, names);
      const isRolledBack = this.#chance(0.3);
      const add = async (tx: Transaction): Promise<void> => {
        await queue.enqueue([{ type: COMMITTED, id: transaction }], tx);
        for (const name of names) await tq.addTask({ class: WORK, payload: { name } }, tx);
        if (isRolledBack) throw new Error('rolled back');
      };
      await db.write(add).catch(() => undefined); // it may fail, as anything may here
    }
  }

  async #sweepNowAndThen(sweep: () => Promise<unknown>): Promise<void> {
    for (let time = 1; time <= 2; time++) {
      await this.#clock.sleep(this.#random() * 2 * MINUTE);
      await sweep().catch(() => undefined); // it may fail
    }
  }

  /** Runs tasks one after another, in a random order, and some of them more than once. */
  async #runTasks(): Promise<void> {
    for (let run = 1; run <= RUNS; run++) {
      await this.#clock.sleep(this.#random() * MINUTE);
      const isDue = this.#scheduler.tasks.some(
        ({ processAfter }) => processAfter <= this.#clock.now(),
      );
      if (isDue) this.#quietly(this.#scheduler.run({ after: () => true, random: this.#random }));
    }
  }

  #handle(name: string): void {
    this.#handled.add(name);
    if (this.#chance(0.2)) throw new Error('chaos: the handler failed after its work');
  }

  #sweepAlone(): () => Promise<unknown> {
    const sweeper = new Sweeper({
      db: this.#db,
      submitter: this.#scheduler,
      clock: this.#clock,
      random: this.#random,
    });
    return () => sweeper.runOnce();
  }

  #sweepTogether(): () => Promise<unknown> {
    const { db, submitter } = { db: this.#db, submitter: this.#scheduler };
    const sweep = new DistributedSweep({
      db,
      submitter,
      tq: this.#tqOf(db, submitter),
      clock: this.#clock,
      random: this.#random,
      ...LIMITS,
      taskClass: this.#sweepTask,
    });
    this.#handleSweep = sweep.handle;
    return () => sweep.initiate(); // the scheduler runs its tasks
  }

  #tqOf(db: Database, submitter: Submitter): Tq {
    const newReminderId = (): string => this.#newReminderId();
    return new Tq({ db, classes: this.#classes, submitter, clock: this.#clock, newReminderId });
  }

  /** Returns an id that depends on the seed; like real ones, they are spread evenly. */
  #newReminderId(): string {
    this.#ids += 1;
    const digits = Array.from({ length: 24 }, () => randomInt(this.#random, 16).toString(16));
    return digits.join('') + this.#ids.toString(16).padStart(8, '0');
  }

  async #reminders(): Promise<number> {
    return (await this.#db.read((tx) => listReminders(tx, { limit: 1_000 }))).length;
  }

  async #committedTransactions(): Promise<string[]> {
    const rows = await this.#db.read((tx) =>
      tx.query(sql`SELECT id FROM ${tasks} WHERE type = ${COMMITTED.name} ORDER BY id`, {
        id: tasks.columns.id,
      }),
    );
    return rows.map(({ id }) => id).filter((id) => this.#added.has(id));
  }

  #chance(of: number): boolean {
    return this.#random() < of;
  }

  /** Ignores how the work ends, and whether it ends at all. */
  #quietly(work: Promise<unknown>): void {
    work.catch(() => undefined);
  }
}

function same<T>(value: T): T {
  return value;
}
