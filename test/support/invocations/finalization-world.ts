/**
 * A database with invocations to finalize, for tests that check every step: owners act, tasks run
 * in any order, and the promises of finalizer.ts must hold after each step.
 */
import { fromJson } from '@bufbuild/protobuf';
import { type Lease, type Task, TaskQueue } from '@postlude/queue';
import { hasCode, seededRandom } from '@postlude/queue/foundations';
import { type Database, int, nullable, selectList, sql, text } from '@postlude/queue/storage';
import { tasks } from '@postlude/queue/tables';
import { FakeClock } from '@postlude/queue/testing';
import { QueueSubmitter, TaskClasses, Tq } from '@postlude/queue/tq';
import { withSubject } from '../../../packages/queue/src/tasks/task-rows.ts';
import { decodeEnvelope } from '../../../packages/queue/src/tq/classes/envelope.ts';
import { decodeRequest } from '../../../packages/queue/src/tq/reminders/stored-request.ts';
import { PUSH } from '../../../packages/queue/src/tq/submit/queue-submitter.ts';
import { exportRequests } from '../../../src/exporter/export-requests.ts';
import { BQ_EXPORT } from '../../../src/exporter/task.ts';
import { type Bounds, DEFAULT_BOUNDS } from '../../../src/finalizer/bounds.ts';
import {
  finalizationTasks,
  TRY_FINALIZE_INVOCATION,
} from '../../../src/finalizer/finalization-tasks.ts';
import { tryFinalize } from '../../../src/finalizer/finalizer.ts';
import { decideGroup } from '../../../src/finalizer/group/group.ts';
import { finalizeHandler } from '../../../src/finalizer/handler.ts';
import type { FinalizerParts } from '../../../src/finalizer/parts.ts';
import { isQuestion } from '../../../src/finalizer/questions.ts';
import { startFinalization } from '../../../src/finalizer/schedule.ts';
import type { Verdict } from '../../../src/finalizer/verdict.ts';
import { TryFinalizeInvocationSchema } from '../../../src/gen/luci/resultdb/internal/tasks/tasks_pb.js';
import { seenState } from '../../../src/invocations/closed-sets.ts';
import {
  fromRowId,
  type InvocationId,
  parseInvocationId,
  toRowId,
} from '../../../src/invocations/id.ts';
import {
  includedInvocations,
  includeInvocations,
  readIncluded,
  removeInclusions,
} from '../../../src/invocations/inclusions.ts';
import { insertInvocations, requireActive } from '../../../src/invocations/invocations.ts';
import { type InvocationState, stateOf } from '../../../src/invocations/state.ts';
import { closingTurns, invocations } from '../../../src/invocations/table.ts';
import { newInvocation } from './fixtures.ts';

export interface Node {
  /** The state in which it counts as being. */
  readonly state: InvocationState;
  readonly blocker: InvocationId | undefined;
  readonly closedBy: InvocationId | undefined;
  /** Whether its own row has that state as well. */
  readonly isSettled: boolean;
}

export interface PendingTry {
  readonly type: string;
  readonly taskId: string;
  readonly id: InvocationId;
}

/** Everything that matters for finalization, at one moment. */
export interface Snapshot {
  readonly nodes: ReadonlyMap<InvocationId, Node>;
  readonly inclusions: ReadonlyMap<InvocationId, readonly InvocationId[]>;
  readonly tries: readonly PendingTry[];
  /** The invocations whose export is enqueued. Each invocation has asked for one. */
  readonly exports: readonly InvocationId[];
  /** The invocations whose own row is to be exported, as a task says. */
  readonly rows: readonly InvocationId[];
  /** The same, as is written down beside the task. */
  readonly rowRequests: readonly InvocationId[];
}

/** Whether tries are pushed: never, always, or now and then. */
export type TryWay = 'queue' | 'pushed' | 'flipping';

export const TRY_WAYS: readonly TryWay[] = ['queue', 'pushed', 'flipping'];

const ROWS = { project: 'acme', dataset: 'ci', table: 'invocations' };

/** Which servers there are: of an earlier version, which tries each invocation alone, of this one, or both. */
export type Servers = 'earlier' | 'these' | 'both';

export const SERVERS: readonly Servers[] = ['earlier', 'these', 'both'];

export interface WorldOptions {
  readonly bounds?: Bounds | undefined;
  /** `queue` unless given. */
  readonly way?: TryWay;
  /** The seed for `flipping`. */
  readonly seed?: number;
}

export class FinalizationWorld {
  readonly db: Database;
  readonly clock = new FakeClock();
  readonly parts: FinalizerParts;
  /** Those of a server of an earlier version beside this one: each try finalizes only its own. */
  readonly earlierParts: FinalizerParts;

  constructor(db: Database, { bounds, way = 'queue', seed = 1 }: WorldOptions = {}) {
    this.db = db;
    const { clock } = this;
    const queue = withoutRepeatedExports(new TaskQueue({ db, clock }));
    const classes = new TaskClasses([finalizationTasks]);
    const tq = new Tq({ db, classes, clock, submitter: new QueueSubmitter(queue) });
    const pushed = { tq, experiments: { isEnabled: switchOf(way, seed) } };
    this.parts = {
      db,
      clock,
      queue,
      pushed,
      invocationRows: ROWS,
      bounds: bounds ?? DEFAULT_BOUNDS,
    };
    this.earlierParts = { ...this.parts, bounds: { ...(bounds ?? DEFAULT_BOUNDS), cascade: 0 } };
  }

  /** Creates ACTIVE invocations that have asked for one export each. */
  async create(ids: readonly InvocationId[]): Promise<void> {
    const bigqueryExports = [new Uint8Array([1])];
    await this.db.write((tx) =>
      insertInvocations(
        tx,
        ids.map((id) => newInvocation(id, { bigqueryExports })),
      ),
    );
  }

  async include(id: InvocationId, included: readonly InvocationId[]): Promise<void> {
    await this.db.write(async (tx) => {
      await requireActive(tx, id);
      await includeInvocations(tx, id, included);
    });
  }

  async exclude(id: InvocationId, included: readonly InvocationId[]): Promise<void> {
    await this.db.write(async (tx) => {
      await requireActive(tx, id);
      await removeInclusions(tx, id, included);
    });
  }

  /** Finalizes an invocation, as its owner does. */
  async start(id: InvocationId): Promise<void> {
    await this.db.write(async (tx) => {
      await requireActive(tx, id);
      await startFinalization(this.parts, tx, { id, included: await readIncluded(tx, id) });
    });
  }

  /** Runs a try, as a worker does at least once. */
  async run(pending: PendingTry): Promise<void> {
    const outcome = await tryFinalize(this.parts, pending.id);
    if (outcome !== 'postponed') await this.complete(pending);
  }

  /** Decides tries together, in one transaction that completes their tasks as well. */
  async decideGroup(pending: readonly PendingTry[]): Promise<readonly Verdict[]> {
    return await this.db.write(async (tx) => {
      const requests = pending.map(({ id }) => ({ id, answers: {} }));
      const { verdicts, write } = await decideGroup(this.parts, tx, requests);
      const decided = pending.filter((_, index) => !isUndecided(verdicts[index]));
      await tx.delete(tasks, decided.map(keyOf));
      await write();
      return verdicts;
    });
  }

  /** Runs tries together, as the handler of their tasks does. Tasks that fail remain. */
  async runGroup(pending: readonly PendingTry[]): Promise<void> {
    const given = pending.map((one) => ({ one, task: taskOf(one) }));
    const keysOf = (some: readonly Task[]) =>
      given.filter(({ task }) => some.includes(task)).map(({ one }) => keyOf(one));
    const open = new Set<Task>(given.map(({ task }) => task));
    const done: Task[] = [];
    await finalizeHandler(this.parts).handleBatch(
      given.map(({ task }) => task),
      {
        signal: new AbortController().signal,
        isOpen: (task) => open.has(task),
        complete: async (tx, some) => {
          await tx.delete(tasks, keysOf(some));
          tx.afterCommit(() => {
            for (const task of some) open.delete(task);
          });
        },
        done: (task) => void done.push(task),
        fail: (_, error) => {
          if (!hasCode(error, 'conflict')) throw error;
        },
      },
    );
    await this.db.write((tx) => tx.delete(tasks, keysOf(done)));
  }

  async complete({ type, taskId }: Omit<PendingTry, 'id'>): Promise<void> {
    await this.db.write((tx) => tx.delete(tasks, [{ type, id: taskId }]));
  }

  /** Returns the pending tries of both ways. */
  async tries(): Promise<PendingTry[]> {
    const queued = await this.#taskRows(TRY_FINALIZE_INVOCATION);
    return [...queued, ...(await this.#taskRows(PUSH))].map((row) => tryOf(withSubject(row)));
  }

  async snapshot(): Promise<Snapshot> {
    const rows = await this.db.read((reader) =>
      reader.query(
        sql`SELECT invocation_id, state, ${seenState('i')} AS seen_state, blocker_id, closed_by
            FROM ${invocations} AS i ORDER BY invocation_id`,
        {
          invocationId: text,
          state: int,
          seenState: int,
          blockerId: nullable(text),
          closedBy: nullable(text),
        },
      ),
    );
    const nodes = rows.map((row): [InvocationId, Node] => [
      fromRowId(row.invocationId),
      {
        state: stateOf(row.seenState),
        blocker: row.blockerId === undefined ? undefined : fromRowId(row.blockerId),
        closedBy: row.closedBy === undefined ? undefined : fromRowId(row.closedBy),
        isSettled: row.state === row.seenState,
      },
    ]);
    const exports = await this.#taskRows(BQ_EXPORT);
    const ofRows = exports.filter(({ id }) => id.endsWith(':invocation'));
    return {
      nodes: new Map(nodes),
      inclusions: await this.#inclusions(),
      tries: await this.tries(),
      exports: exports.filter((task) => !ofRows.includes(task)).map(subjectOf),
      rows: ofRows.map(subjectOf),
      rowRequests: await this.#rowRequests(),
    };
  }

  async #inclusions(): Promise<Map<InvocationId, InvocationId[]>> {
    const { columns } = includedInvocations;
    const rows = await this.db.read((reader) =>
      reader.query(
        sql`SELECT ${selectList(columns)} FROM ${includedInvocations}
            ORDER BY invocation_id, included_invocation_id`,
        columns,
      ),
    );
    const inclusions = new Map<InvocationId, InvocationId[]>();
    for (const { invocationId, includedInvocationId } of rows) {
      const id = fromRowId(invocationId);
      const known = inclusions.get(id) ?? [];
      inclusions.set(id, [...known, fromRowId(includedInvocationId)]);
    }
    return inclusions;
  }

  async #rowRequests(): Promise<InvocationId[]> {
    const { invocationId, exportIndex } = exportRequests.columns;
    const columns = { invocationId, exportIndex };
    const rows = await this.db.read((reader) =>
      reader.query(
        sql`SELECT ${selectList(columns)} FROM ${exportRequests} ORDER BY invocation_id`,
        columns,
      ),
    );
    return rows.map((row) => fromRowId(row.invocationId));
  }

  #taskRows({ name }: { readonly name: string }) {
    const { type, id, invocationId, payload } = tasks.columns;
    const columns = { type, id, invocationId, payload };
    return this.db.read((reader) =>
      reader.query(
        sql`SELECT ${selectList(columns)} FROM ${tasks} WHERE type = ${name} ORDER BY id`,
        columns,
      ),
    );
  }
}

export function isUndecided(verdict: Verdict | undefined): boolean {
  return isQuestion(verdict) || verdict === 'postponed';
}

function keyOf({ type, taskId }: PendingTry) {
  return { type, id: taskId };
}

function taskOf({ type, taskId, id }: PendingTry): Task<undefined> {
  return {
    type,
    id: taskId,
    payload: undefined,
    subject: toRowId(id),
    createTime: 0,
    processAfter: 0,
    attempt: 1,
    fence: 1,
    lastError: undefined,
  };
}

function switchOf(way: TryWay, seed: number): () => boolean {
  const random = seededRandom(seed);
  return way === 'flipping' ? () => random() < 0.5 : () => way === 'pushed';
}

function subjectOf({ invocationId }: { readonly invocationId: string | undefined }): InvocationId {
  return fromRowId(invocationId ?? '');
}

/** Returns the try of a task, whichever way it was made. */
export function tryOf(task: Pick<Lease, 'type' | 'id' | 'subject' | 'payload'>): PendingTry {
  const { type, id: taskId, subject, payload } = task;
  const isPushed = type === PUSH.name;
  return { type, taskId, id: isPushed ? pushedId(payload) : fromRowId(subject ?? '') };
}

function pushedId(payload: Uint8Array | undefined): InvocationId {
  const request = decodeRequest(payload ?? new Uint8Array());
  if (request.kind !== 'queue') throw new Error('a try of a topic');
  const { invocationId } = fromJson(TryFinalizeInvocationSchema, decodeEnvelope(request.body).body);
  return parseInvocationId(invocationId);
}

/** The queue would replace a pending export by a second one; here a second one is an error. */
function withoutRepeatedExports(queue: TaskQueue): FinalizerParts['queue'] {
  return {
    enqueue: (added, tx) => queue.enqueue(added, tx),
    async replace(added, tx) {
      const exports = added.filter(({ type }) => type.name === BQ_EXPORT.name);
      const keys = exports.map(({ type, id }) => ({ type: type.name, id }));
      const [pending] = await tx.readKeys(tasks, keys, { id: text });
      if (pending) throw new Error(`the export ${pending.id} was enqueued twice`);
      await queue.replace(added, tx);
    },
  };
}

/** The tables that tests of finalization without a server need. */
export const FINALIZATION_TABLES = [
  invocations,
  includedInvocations,
  closingTurns,
  tasks,
  exportRequests,
];

/** Bounds so low that small graphs reach all of them. */
export const TIGHT_BOUNDS: Bounds = {
  inclusions: 1,
  hops: 1,
  snapshotQueries: 1,
  wakes: 1,
  cascade: 1,
  cascadeDepth: 1,
  mutations: 1,
};
