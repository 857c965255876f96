/**
 * A process to which random faults happen: the database is away, the outcome of a commit is unknown, or the
 * queue responds with an error after it has worked, or not at all. Between any two steps the process may die;
 * after that, none of its code runs again.
 */

import type { Random } from '@postlude/queue/foundations';
import { CodedError } from '@postlude/queue/foundations';
import type { Database, Reader, Transaction } from '@postlude/queue/storage';
import type { SubmitOutcome, Submitter } from '@postlude/queue/tq';
import { SubmitError } from '@postlude/queue/tq';
import type { StepResult, Turns } from './turns.ts';

/** The share of all steps in which each fault happens. */
type Chances<F extends string> = Readonly<Record<F, number>>;

const READ_FAULTS: Chances<'away' | 'dies'> = { away: 0.04, dies: 0.01 };

const WRITE_FAULTS: Chances<'away' | 'unknownLanded' | 'unknownLost' | 'dies' | 'diesAfter'> = {
  away: 0.04,
  unknownLanded: 0.04,
  unknownLost: 0.03,
  dies: 0.02,
  diesAfter: 0.03,
};

const SUBMIT_FAULTS: Chances<
  'errorAfter' | 'errorBefore' | 'silentAfter' | 'silentBefore' | 'fatal' | 'dies' | 'diesAfter'
> = {
  errorAfter: 0.08,
  errorBefore: 0.08,
  silentAfter: 0.03,
  silentBefore: 0.03,
  fatal: 0.03,
  dies: 0.02,
  diesAfter: 0.03,
};

export interface ChaosOptions {
  readonly name: string;
  readonly turns: Turns;
  readonly random: Random;
}

export class ChaosProcess {
  readonly #options: ChaosOptions;
  readonly #death = Promise.withResolvers<never>();
  #isDead = false;

  constructor(options: ChaosOptions) {
    this.#options = options;
    this.#death.promise.catch(() => undefined); // it may be that nobody watches
  }

  /** Returns what `fn` returns, or fails if the process dies before that. */
  watched<T>(fn: () => Promise<T>): Promise<T> {
    return Promise.race([fn(), this.#death.promise]);
  }

  database(db: Database): Database {
    const write: Database['write'] = (fn) =>
      this.#take('write', WRITE_FAULTS, (fault) => {
        const isHeardOf = fault === undefined;
        const heard = (tx: Transaction) => (isHeardOf ? tx : withAfterCommit(tx, () => undefined));
        return this.#write(() => db.write((tx) => fn(heard(tx))), fault);
      });
    return {
      ...passedOn(db),
      read: (fn) => this.#take('read', READ_FAULTS, (fault) => this.#read(db, fn, fault)),
      write,
      statement: (query, columns, options) =>
        this.#take('statement', WRITE_FAULTS, (fault) =>
          this.#write(() => db.statement(query, columns, options), fault),
        ),
      insertNew: (table, rows) => write((tx) => tx.insertNew(table, rows)),
    };
  }

  submitter(inner: Submitter): Submitter {
    return {
      submit: (request, signal) =>
        this.#take('submit', SUBMIT_FAULTS, (fault) =>
          this.#submit(() => inner.submit(request, signal), fault),
        ),
    };
  }

  async #read<T>(
    db: Database,
    fn: (tx: Reader) => Promise<T>,
    fault: keyof typeof READ_FAULTS | undefined,
  ): Promise<StepResult<T>> {
    if (fault === 'away') throw new CodedError('unavailable', 'chaos: the database is away');
    if (fault === 'dies') return this.#die();
    return { value: await db.read(fn) };
  }

  async #write<T>(
    write: () => Promise<T>,
    fault: keyof typeof WRITE_FAULTS | undefined,
  ): Promise<StepResult<T>> {
    if (fault === 'away') throw new CodedError('unavailable', 'chaos: the database is away');
    if (fault === 'dies') return this.#die();
    if (fault === 'unknownLost') throw unknownOutcome();
    const value = await write();
    if (fault === 'unknownLanded') throw unknownOutcome();
    return fault === 'diesAfter' ? this.#die() : { value };
  }

  async #submit(
    submit: () => Promise<SubmitOutcome>,
    fault: keyof typeof SUBMIT_FAULTS | undefined,
  ): Promise<StepResult<SubmitOutcome>> {
    switch (fault) {
      case 'errorBefore':
        throw submitError(true);
      case 'errorAfter':
        await submit();
        throw submitError(true);
      case 'silentBefore':
        return 'gone';
      case 'silentAfter':
        await submit();
        return 'gone';
      case 'fatal':
        throw submitError(false);
      case 'dies':
        return this.#die();
      case 'diesAfter':
        await submit();
        return this.#die();
      case undefined:
        return { value: await submit() };
    }
  }

  /** Runs one step of this process, or nothing if it is dead. */
  #take<T, F extends string>(
    name: string,
    chances: Chances<F>,
    step: (fault: F | undefined) => Promise<StepResult<T>>,
  ): Promise<T> {
    const { turns, random } = this.#options;
    return turns.take(`${this.#options.name} ${name}`, async () => {
      if (this.#isDead) return 'gone';
      return await step(pickFault(chances, random));
    });
  }

  #die(): 'gone' {
    this.#isDead = true;
    this.#death.reject(new Error('chaos: the process died'));
    return 'gone';
  }
}

function pickFault<F extends string>(chances: Chances<F>, random: Random): F | undefined {
  let left = random();
  for (const [fault, chance] of Object.entries(chances) as [F, number][]) {
    left -= chance;
    if (left < 0) return fault;
  }
  return undefined;
}

function passedOn(db: Database): Omit<Database, 'read' | 'write' | 'statement' | 'insertNew'> {
  const { dialect, capabilities, notifications } = db;
  return {
    dialect,
    capabilities,
    notifications,
    serverTime: () => db.serverTime(),
    migrate: () => db.migrate(),
    checkSchema: (options) => db.checkSchema(options),
    close: () => db.close(),
  };
}

/** Returns the transaction with another `afterCommit`, for a commit that nobody learns of. */
export function withAfterCommit(
  tx: Transaction,
  afterCommit: Transaction['afterCommit'],
): Transaction {
  return {
    dialect: tx.dialect,
    query: (query, columns) => tx.query(query, columns),
    readKeys: (table, keys, columns) => tx.readKeys(table, keys, columns),
    lockKeys: (table, keys, read) => tx.lockKeys(table, keys, read),
    readRange: (order, range, columns) => tx.readRange(order, range, columns),
    stream: (query, columns) => tx.stream(query, columns),
    insert: (table, rows) => tx.insert(table, rows),
    update: (table, rows) => tx.update(table, rows),
    upsert: (table, rows) => tx.upsert(table, rows),
    delete: (table, keys) => tx.delete(table, keys),
    insertNew: (table, rows) => tx.insertNew(table, rows),
    afterCommit,
  };
}

function unknownOutcome(): CodedError {
  return new CodedError('outcome-unknown', 'chaos: the connection went during the commit');
}

function submitError(isTransient: boolean): SubmitError {
  const code = isTransient ? 'unavailable' : 'permission-denied';
  return new SubmitError(`chaos: ${code}`, { isTransient, code });
}
