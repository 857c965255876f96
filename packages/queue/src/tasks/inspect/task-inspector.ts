/**
 * Looks at the tasks of a queue, and changes nothing: for operators, dashboards and tests. Each method is a
 * bounded read of an index. Those that take a reader look into its snapshot, and without one open their own.
 */
import { type Clock, systemClock } from '../../foundations/clock.ts';
import { type Database, LOOK, type Reader } from '../../storage/database.ts';
import { type DatabaseTime, databaseTime, readNow } from '../../storage/time.ts';
import {
  type DeadTask,
  type DeadTaskPage,
  type DeadTaskSummary,
  findDeadTask,
  listDeadTasks,
} from '../dead-tasks.ts';
import type { LeaseId } from '../task.ts';
import { findTask, listTasks, type TaskPage, type TaskSummary } from './list-tasks.ts';
import { type QueueDepth, queueDepth } from './queue-depth.ts';
import { findUnknownTypes, type UnknownType } from './unknown-types.ts';

export interface TaskInspectorOptions {
  readonly db: Database;
  /** Pass the queue's clock if it is virtual (`FakeClock`); otherwise the database's time counts. */
  readonly clock?: Clock;
}

type TaskName = Pick<LeaseId, 'type' | 'id'>;

export class TaskInspector {
  readonly #db: Database;
  readonly #time: DatabaseTime;

  constructor({ db, clock = systemClock }: TaskInspectorOptions) {
    this.#db = db;
    this.#time = databaseTime(db.dialect, clock);
  }

  /** Reads a page of the living tasks, in the order of type, due time and id. */
  list(page: TaskPage, reader?: Reader): Promise<TaskSummary[]> {
    return this.#in(reader, (tx) => listTasks(tx, page, this.#time));
  }

  /** Reads one living task. Returns `undefined` if it is done, dead, or was never enqueued. */
  find(name: TaskName, reader?: Reader): Promise<TaskSummary | undefined> {
    return this.#in(reader, (tx) => findTask(tx, name, this.#time));
  }

  /** Reads a page of the dead tasks, without their payloads, in the order of type and id. */
  listDead(page: DeadTaskPage, reader?: Reader): Promise<DeadTaskSummary[]> {
    return this.#in(reader, (tx) => listDeadTasks(tx, page));
  }

  /** Reads one dead task. Returns `undefined` if there is none of that name. */
  findDead(name: TaskName, reader?: Reader): Promise<DeadTask | undefined> {
    return this.#in(reader, (tx) => findDeadTask(tx, name));
  }

  /** Counts the due tasks of a type, and finds the oldest. */
  depth(type: string): Promise<QueueDepth> {
    return this.#db.read((tx) => queueDepth(tx, type, this.#time), LOOK);
  }

  /** Finds types other than `known` whose tasks have been due and free for `forMs`; at most 100 types. */
  unknownTypes(
    known: readonly string[],
    { forMs }: { readonly forMs: number },
  ): Promise<UnknownType[]> {
    return this.#db.read(async (tx) => {
      const since = (await readNow(tx, this.#time)) - forMs;
      return await findUnknownTypes(tx, { known: new Set(known), since });
    }, LOOK);
  }

  #in<T>(reader: Reader | undefined, look: (tx: Reader) => Promise<T>): Promise<T> {
    return reader === undefined ? this.#db.read(look) : look(reader);
  }
}
