/**
 * Runs one random history of finalization, repeatable by its seed: a random graph of a few
 * invocations, whose owners act while up to three tries run, and groups of them. Each transaction is
 * a step of its own, and the promises of finalizer.ts are checked after each step.
 */

import { type Random, randomInt, seededRandom } from '@postlude/queue/foundations';
import { answerQuestion } from '../../../src/finalizer/answer-question.ts';
import { TRY_FINALIZE_INVOCATION } from '../../../src/finalizer/finalization-tasks.ts';
import { decide } from '../../../src/finalizer/finalizer.ts';
import { type Answers, isQuestion, type Question } from '../../../src/finalizer/questions.ts';
import type { InvocationId } from '../../../src/invocations/id.ts';
import { violationsOf } from './finalization-violations.ts';
import {
  type FinalizationWorld,
  type PendingTry,
  SERVERS,
  type Servers,
} from './finalization-world.ts';
import { invocationId } from './fixtures.ts';

interface Running extends PendingTry {
  readonly answers: Answers;
  readonly question: Question | undefined;
  readonly isEarlier: boolean;
}

const MAX_RUNNING = 3;

/** Returns the broken promises. The world must be empty before, and is all FINALIZED afterwards. */
export async function randomHistory(world: FinalizationWorld, seed: number): Promise<string[]> {
  const history = new History(world, seededRandom(seed));
  return (await history.run()).map((problem) => `seed ${seed}: ${problem}`);
}

class History {
  readonly #world: FinalizationWorld;
  readonly #random: Random;
  readonly #ids: readonly InvocationId[];
  /** How eager owners are compared with workers; some finalize long before the last try. */
  readonly #eagerness: number;
  readonly #density: number;
  /** How often owners remove inclusions. */
  readonly #regret: number;
  readonly #active: Set<InvocationId>;
  readonly #servers: Servers;
  readonly #running: Running[] = [];

  constructor(world: FinalizationWorld, random: Random) {
    this.#world = world;
    this.#random = random;
    const count = 2 + randomInt(random, 6);
    this.#ids = Array.from({ length: count }, (_, index) => invocationId(`n${index}`));
    this.#active = new Set(this.#ids);
    this.#eagerness = random();
    this.#density = 0.2 + random() * 0.7;
    this.#regret = random() * 0.6;
    this.#servers = this.#pick(SERVERS);
  }

  async run(): Promise<string[]> {
    await this.#world.create(this.#ids);
    while (await this.#step()) {
      const running = this.#running.map(({ id }) => id);
      const problems = violationsOf(await this.#world.snapshot(), running);
      if (problems.length > 0) return problems;
    }
    const { nodes } = await this.#world.snapshot();
    const left = [...nodes].filter(([, { state }]) => state !== 'FINALIZED');
    return left.map(([id, { state }]) => `in the end ${id} is ${state}`);
  }

  /** Returns false once nothing is left to do. */
  async #step(): Promise<boolean> {
    const begun = new Set(this.#running.map(({ taskId }) => taskId));
    const tries = (await this.#world.tries()).filter(({ taskId }) => !begun.has(taskId));
    const hasWork = tries.length > 0 || this.#running.length > 0;
    if (this.#active.size === 0 && !hasWork) return false;
    if (this.#active.size > 0 && (!hasWork || this.#random() < this.#eagerness)) {
      await this.#actAsOwner();
    } else if (tries.length > 0 && this.#running.length < MAX_RUNNING && this.#random() < 0.6) {
      await this.#beginTry(tries);
    } else if (this.#running.length > 0) {
      await this.#continueTry();
    }
    return true;
  }

  async #beginTry(tries: readonly PendingTry[]): Promise<void> {
    const isEarlier = this.#servers === 'both' ? this.#random() < 0.5 : this.#servers === 'earlier';
    const queued = tries.filter(({ type }) => type === TRY_FINALIZE_INVOCATION.name);
    if (!isEarlier && queued.length > 0 && this.#random() < 0.7) {
      await this.#decideGroup(queued.filter(() => this.#random() < 0.7));
    } else {
      await this.#decide({ ...this.#pick(tries), answers: {}, question: undefined, isEarlier });
    }
  }

  async #decideGroup(tries: readonly PendingTry[]): Promise<void> {
    const order = this.#random() < 0.5 ? tries : tries.toReversed();
    const verdicts = await this.#world.decideGroup(order);
    order.forEach((task, index) => {
      const question = verdicts[index];
      if (!isQuestion(question)) return;
      this.#running.push({ ...task, answers: {}, question, isEarlier: false });
    });
  }

  async #actAsOwner(): Promise<void> {
    const id = this.#pick([...this.#active]);
    if (this.#random() < this.#density) {
      await this.#world.include(id, [this.#pick(this.#ids)]);
      return;
    }
    if (this.#random() < this.#regret) {
      await this.#world.exclude(id, [this.#pick(this.#ids)]);
      return;
    }
    this.#active.delete(id);
    await this.#world.start(id);
  }

  async #continueTry(): Promise<void> {
    const index = randomInt(this.#random, this.#running.length);
    const [running] = this.#running.splice(index, 1);
    if (running === undefined) return;
    if (running.question === undefined) return await this.#decide(running);
    const answer = await answerQuestion(this.#world.parts, running.id, running.question);
    const answers = { ...running.answers, ...answer };
    this.#running.push({ ...running, answers, question: undefined });
  }

  async #decide(running: Running): Promise<void> {
    const { db, earlierParts, parts } = this.#world;
    const server = running.isEarlier ? earlierParts : parts;
    const verdict = await db.write((tx) => decide(server, tx, running));
    if (isQuestion(verdict)) this.#running.push({ ...running, question: verdict });
    else if (verdict !== 'postponed' && this.#random() < 0.9) await this.#world.complete(running);
  }

  #pick<T>(items: readonly T[]): T {
    return items[randomInt(this.#random, items.length)] as T;
  }
}
