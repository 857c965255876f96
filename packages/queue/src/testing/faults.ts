/**
 * A process that dies at its nth step on the database, before or after the step took effect. Nothing
 * that it does afterwards reaches the database. At whatever step it dies, every flow must end in the
 * same state once another process has taken over:
 *
 *     await forEachCrash(async (faults) => {
 *       const db = await open();
 *       await faults.run(() => flow(faults.wrap(db)));
 *       await recover(db);
 *       expect(await stateOf(db)).toEqual(expected);
 *     });
 */
import type { Database, Notifications, Reader, Transaction } from '../storage/database.ts';

/** The error that the dying process sees; no code should handle it. */
export class CrashError extends Error {
  constructor(step: string) {
    super(`crashed at ${step}`);
    this.name = 'CrashError';
  }
}

export interface CrashPlan {
  /** The first step is 1. */
  readonly step: number;
  readonly when: 'before' | 'after';
  /** The steps to count: each step, or effects only. See {@link forEachCrash}. Default: `steps`. */
  readonly at?: 'steps' | 'effects' | undefined;
}

/**
 * Calls `scenario` with a crash before and after each step, until a run has no such step. Returns the number of
 * steps. With `at: 'effects'`, it counts only steps that others can see: commits, statements outside transactions,
 * and notifications. A crash within a transaction leaves the database as a crash before its commit does, so these
 * suffice where each run is slow and another database is visited step by step.
 */
export async function forEachCrash(
  scenario: (faults: Faults) => Promise<void>,
  { at }: Pick<CrashPlan, 'at'> = {},
): Promise<number> {
  for (let step = 1; ; step++) {
    for (const when of ['before', 'after'] as const) {
      const faults = new Faults({ step, when, at });
      try {
        await scenario(faults);
      } catch (error) {
        throw new Error(`with a crash ${when} step ${step} (${faults.steps.at(-1)})`, {
          cause: error,
        });
      }
      if (!faults.hasCrashed) return step - 1;
    }
  }
}

const EFFECTS: ReadonlySet<string> = new Set(['commit', 'statement', 'notify']);

export class Faults {
  readonly #plan: CrashPlan | undefined;
  readonly #steps: string[] = [];
  #counted = 0;
  #crashedAt: string | undefined;

  constructor(plan?: CrashPlan) {
    this.#plan = plan;
  }

  /** The steps so far, by name: `query`, `insert tasks`, `commit`. */
  get steps(): readonly string[] {
    return this.#steps;
  }

  get hasCrashed(): boolean {
    return this.#crashedAt !== undefined;
  }

  /** Runs the part that may die. Throws its errors, except the crash. */
  async run(fn: () => Promise<unknown>): Promise<void> {
    try {
      await fn();
    } catch (error) {
      if (!this.hasCrashed) throw error;
    }
  }

  /** Returns the database as the dying process uses it. */
  wrap(database: Database): Database {
    return {
      dialect: database.dialect,
      capabilities: database.capabilities,
      notifications: this.#wrapNotifications(database.notifications),
      read: (fn, options) => database.read((tx) => fn(this.#wrapReader(tx)), options),
      write: (fn, options) =>
        database
          .write(async (tx) => {
            const value = await fn(this.#wrapTransaction(tx));
            await this.#commit(tx);
            return value;
          }, options)
          .then((value) => this.#alive(value)),
      statement: (query, columns, options) =>
        this.#step('statement', () => database.statement(query, columns, options)),
      insertNew: (table, rows, options) =>
        this.#step('commit', () => database.insertNew(table, rows, options)),
      serverTime: () => database.serverTime(),
      migrate: () => database.migrate(),
      checkSchema: () => database.checkSchema(),
      close: (options) => database.close(options),
    };
  }

  #wrapReader(tx: Reader): Reader {
    return {
      dialect: tx.dialect,
      query: (query, columns) => this.#step('query', () => tx.query(query, columns)),
      readKeys: (table, keys, columns) =>
        this.#step(`read ${table.name}`, () => tx.readKeys(table, keys, columns)),
      readRange: (order, range, columns) =>
        this.#step(`read ${order.name}`, () => tx.readRange(order, range, columns)),
      stream: (query, columns) => this.#stream(tx.stream(query, columns)),
    };
  }

  #wrapTransaction(tx: Transaction): Transaction {
    return {
      ...this.#wrapReader(tx),
      lockKeys: (table, keys, read) =>
        this.#step(`read ${table.name}`, () => tx.lockKeys(table, keys, read)),
      insert: (table, rows) => this.#step(`insert ${table.name}`, () => tx.insert(table, rows)),
      update: (table, rows) => this.#step(`update ${table.name}`, () => tx.update(table, rows)),
      upsert: (table, rows) => this.#step(`upsert ${table.name}`, () => tx.upsert(table, rows)),
      delete: (table, keys) => this.#step(`delete ${table.name}`, () => tx.delete(table, keys)),
      insertNew: (table, rows) =>
        this.#step(`insertNew ${table.name}`, () => tx.insertNew(table, rows)),
      afterCommit: (fn) => tx.afterCommit(() => (this.hasCrashed ? undefined : fn())),
    };
  }

  #wrapNotifications(notifications: Notifications): Notifications {
    return {
      notify: (channel, payload) =>
        this.#step('notify', () => notifications.notify(channel, payload)),
      listen: (channel, fn) => notifications.listen(channel, fn),
    };
  }

  async *#stream<T>(rows: AsyncIterable<T>): AsyncGenerator<T, void, void> {
    await this.#step('stream', async () => undefined);
    yield* rows;
  }

  /** The last callback to be added runs first, so a dead process calls none of the others. */
  async #commit(tx: Transaction): Promise<void> {
    const number = this.#begin('commit');
    tx.afterCommit(() => {
      if (this.#isPlanned(number, 'after')) this.#crashedAt = 'commit';
    });
  }

  async #step<T>(name: string, fn: () => Promise<T>): Promise<T> {
    const number = this.#begin(name);
    const value = await fn();
    if (this.#isPlanned(number, 'after')) this.#crashedAt = name;
    return this.#alive(value);
  }

  #begin(name: string): number {
    this.#alive(undefined);
    this.#steps.push(name);
    const number = this.#counts(name) ? ++this.#counted : 0;
    if (this.#isPlanned(number, 'before')) this.#crashedAt = name;
    this.#alive(undefined);
    return number;
  }

  #counts(name: string): boolean {
    return this.#plan?.at !== 'effects' || EFFECTS.has(name);
  }

  #alive<T>(value: T): T {
    if (this.#crashedAt !== undefined) throw new CrashError(this.#crashedAt);
    return value;
  }

  #isPlanned(number: number, when: CrashPlan['when']): boolean {
    return this.#plan?.step === number && this.#plan.when === when;
  }
}
