/**
 * Explores every order of events in small graphs, on the real code: it takes each possible step
 * from each state, until no new state turns up. A step is a single transaction, or the answer to a
 * single question of a try, so two tries interleave as they could in two processes. Tasks run at
 * least once, in any order. A group of tries, with its cascade and the completion of their tasks, is
 * one step.
 */
import { createHash } from 'node:crypto';
import { answerQuestion } from '../../../src/finalizer/answer-question.ts';
import type { Bounds } from '../../../src/finalizer/bounds.ts';
import { decide } from '../../../src/finalizer/finalizer.ts';
import { type Answers, isQuestion, type Question } from '../../../src/finalizer/questions.ts';
import type { InvocationId } from '../../../src/invocations/id.ts';
import { SqliteDatabase } from '../databases/sqlite-database.ts';
import { violationsOf } from './finalization-violations.ts';
import {
  FinalizationWorld,
  type PendingTry,
  type Servers,
  type Snapshot,
  FINALIZATION_TABLES as TABLES,
  TIGHT_BOUNDS,
} from './finalization-world.ts';

/**
 * The fence grows with every task and means nothing here; with it, no two states would be equal.
 */
const ZEROED = ['fence'];

export interface Exploration {
  readonly ids: readonly InvocationId[];
  /** Whether an invocation may include itself. */
  readonly selfInclusions: boolean;
  /** The largest number of inclusions in the graph; any number unless given. */
  readonly maxInclusions?: number;
  /** How many tries may run at once. */
  readonly workers: number;
  /** The tightest bounds unless given. */
  readonly bounds?: Bounds;
  /** `these` unless given. */
  readonly servers?: Servers;
}

export interface ExplorationResult {
  /** How many distinct states there are. */
  readonly states: number;
  /** How many steps were taken, each on the real code. */
  readonly steps: number;
  /** How many of the steps removed an inclusion. These lead to no states of their own. */
  readonly removals: number;
  /** How many of the steps were groups. */
  readonly groups: number;
  readonly violations: readonly string[];
}

/** A try that is between two of its transactions. */
interface Running extends PendingTry {
  readonly answers: Answers;
  /** The question that has not been answered yet. */
  readonly question: Question | undefined;
  readonly isEarlier: boolean;
}

interface State {
  /** A dump of each table. */
  readonly dumps: readonly string[];
  readonly running: readonly Running[];
}

export async function explore(exploration: Exploration): Promise<ExplorationResult> {
  const explorer = new Explorer(exploration);
  await explorer.run();
  return explorer.result;
}

class Explorer {
  readonly #exploration: Exploration;
  readonly #db = new SqliteDatabase(TABLES);
  readonly #world: FinalizationWorld;
  /** The digests of the states seen; the states themselves would be too many. */
  readonly #seen = new Set<string>();
  readonly #todo: State[] = [];
  readonly #violations: string[] = [];
  /** The content of the tables, as far as it is certain. */
  #loaded: readonly string[] = [];
  #steps = 0;
  #removals = 0;
  #groups = 0;

  constructor(exploration: Exploration) {
    const { bounds = TIGHT_BOUNDS } = exploration;
    this.#exploration = exploration;
    this.#world = new FinalizationWorld(this.#db, { bounds });
  }

  get result(): ExplorationResult {
    return {
      states: this.#seen.size,
      steps: this.#steps,
      removals: this.#removals,
      groups: this.#groups,
      violations: this.#violations,
    };
  }

  async run(): Promise<void> {
    await this.#world.create(this.#exploration.ids);
    await this.#arrive([]);
    for (let state = this.#todo.pop(); state !== undefined; state = this.#todo.pop()) {
      await this.#leave(state);
    }
    await this.#db.close();
  }

  /** Takes each step that is possible from a state. */
  async #leave(state: State): Promise<void> {
    this.#restore(state);
    const snapshot = await this.#world.snapshot();
    for (const [id, node] of snapshot.nodes) {
      if (node.state !== 'ACTIVE') continue;
      await this.#step(state, state.running, () => this.#world.start(id));
      for (const included of this.#includable(snapshot, id)) {
        await this.#step(state, state.running, () => this.#world.include(id, [included]));
      }
      for (const included of snapshot.inclusions.get(id) ?? []) {
        await this.#step(state, state.running, () => this.#world.exclude(id, [included]));
        this.#removals++;
      }
    }
    await this.#beginTries(state, snapshot);
    for (const running of state.running) await this.#continueTry(state, running);
  }

  #includable({ inclusions }: Snapshot, id: InvocationId): InvocationId[] {
    const { ids, maxInclusions = Infinity, selfInclusions } = this.#exploration;
    if ([...inclusions.values()].flat().length >= maxInclusions) return [];
    const included = inclusions.get(id) ?? [];
    return ids.filter((other) => !included.includes(other) && (selfInclusions || other !== id));
  }

  async #beginTries(state: State, { tries }: Snapshot): Promise<void> {
    if (state.running.length >= this.#exploration.workers) return;
    const { servers = 'these' } = this.#exploration;
    const begun = new Set(state.running.map(({ taskId }) => taskId));
    const pending = tries.filter(({ taskId }) => !begun.has(taskId));
    for (const task of pending) {
      for (const isEarlier of [true, false]) {
        if (servers === (isEarlier ? 'these' : 'earlier')) continue;
        const running = { ...task, answers: {}, question: undefined, isEarlier };
        await this.#decide(state, running, state.running);
      }
    }
    if (servers === 'earlier') return;
    await this.#decideGroup(state, pending);
    if (pending.length > 1) await this.#decideGroup(state, pending.toReversed());
  }

  /** Those that ask questions go on alone. */
  async #decideGroup(state: State, tries: readonly PendingTry[]): Promise<void> {
    if (tries.length === 0) return;
    this.#restore(state);
    this.#steps++;
    this.#groups++;
    const verdicts = await this.#world.decideGroup(tries);
    const asking = tries.flatMap((task, index): Running[] => {
      const question = verdicts[index];
      return isQuestion(question) ? [{ ...task, answers: {}, question, isEarlier: false }] : [];
    });
    await this.#arrive([...state.running, ...asking]);
  }

  async #continueTry(state: State, running: Running): Promise<void> {
    const others = state.running.filter((other) => other !== running);
    if (running.question === undefined) return await this.#decide(state, running, others);
    this.#restore(state);
    this.#steps++;
    const answer = await answerQuestion(this.#world.parts, running.id, running.question);
    const answers = { ...running.answers, ...answer };
    await this.#arrive([...others, { ...running, answers, question: undefined }]);
  }

  async #decide(state: State, running: Running, others: readonly Running[]): Promise<void> {
    this.#restore(state);
    this.#steps++;
    const { earlierParts, parts } = this.#world;
    const server = running.isEarlier ? earlierParts : parts;
    const verdict = await this.#db.write((tx) => decide(server, tx, running));
    if (isQuestion(verdict)) {
      return await this.#arrive([...others, { ...running, question: verdict }]);
    }
    await this.#arrive(others); // the worker dies before it completes the task
    if (verdict === 'postponed') return;
    await this.#world.complete(running);
    await this.#arrive(others);
  }

  async #step(state: State, running: readonly Running[], act: () => Promise<void>): Promise<void> {
    this.#restore(state);
    this.#steps++;
    await act();
    await this.#arrive(running);
  }

  async #arrive(running: readonly Running[]): Promise<void> {
    const sorted = running.toSorted((a, b) => (a.taskId < b.taskId ? -1 : 1));
    const dumps = TABLES.map((table) => this.#db.dump(table, ZEROED));
    this.#loaded = dumps;
    const state = { dumps, running: sorted };
    const text = JSON.stringify(state, (_, value) => (value instanceof Set ? [...value] : value));
    const key = createHash('sha256').update(text).digest('base64');
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#todo.push(state);
    const snapshot = await this.#world.snapshot();
    const ids = running.map(({ id }) => id);
    for (const problem of violationsOf(snapshot, ids)) {
      if (this.#violations.length < 20) this.#violations.push(`${problem} in ${text}`);
    }
  }

  #restore({ dumps }: State): void {
    TABLES.forEach((table, index) => {
      const dump = dumps[index] ?? '';
      if (this.#loaded[index] !== dump) this.#db.restore(table, dump);
    });
    this.#loaded = [];
  }
}
