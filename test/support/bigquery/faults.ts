/**
 * What goes wrong, at which step. Each request over HTTP is a step, each call over gRPC, and each append on a
 * connection; they are counted as they arrive. So a test can repeat a flow with a fault at each of its steps:
 *
 *     bigQuery.faults.at(3, { kind: 'cut', when: 'after' });             the third step
 *     bigQuery.faults.on('AppendRows', 2, { kind: 'status', code: 'UNAVAILABLE', when: 'before' });
 *     bigQuery.faults.seed(random, 0.1);                                 each step with this probability
 */
import { type Random, randomInt } from '@postlude/queue/foundations';
import type { ApiError, GrpcCode } from './errors.ts';

export type Operation =
  | 'tables.get'
  | 'tables.insert'
  | 'tables.patch'
  | 'tables.delete'
  | 'tabledata.insertAll'
  | 'jobs.insert'
  | 'jobs.get'
  | 'CreateWriteStream'
  | 'GetWriteStream'
  | 'AppendRows'
  | 'FlushRows'
  | 'FinalizeWriteStream'
  | 'BatchCommitWriteStreams';

/** Whether the step has taken effect when it fails. */
export type When = 'before' | 'after';

export type Fault =
  /** The TCP connection breaks, with all calls that it carries. */
  | { readonly kind: 'cut'; readonly when: When }
  /** The TCP connection breaks, and the step takes effect later: as if the network had held it back. */
  | { readonly kind: 'late'; readonly until: Promise<void> }
  /** The call ends with this status; over HTTP, with the status that means the same. */
  | { readonly kind: 'status'; readonly code: GrpcCode; readonly when: When }
  /** An append is answered with an error, and its connection stays open. */
  | { readonly kind: 'in-response'; readonly code: GrpcCode }
  /** Over HTTP only. */
  | { readonly kind: 'error'; readonly error: ApiError }
  /** The step takes effect, but is not answered before `until`. */
  | { readonly kind: 'slow'; readonly until: Promise<void> }
  /** Runs before the step, for example to delete the table. */
  | { readonly kind: 'run'; readonly run: () => void };

/** `late` needs the plan: it waits for some further steps. */
type SeededFault = Fault | ((plan: FaultPlan) => Fault);

const SEEDED: readonly SeededFault[] = [
  { kind: 'cut', when: 'before' },
  { kind: 'cut', when: 'after' },
  { kind: 'status', code: 'UNAVAILABLE', when: 'before' },
  { kind: 'status', code: 'UNAVAILABLE', when: 'after' },
  (plan) => ({ kind: 'late', until: plan.afterSteps(3) }),
];

export class FaultPlan {
  readonly #steps: Operation[] = [];
  readonly #counts = new Map<Operation, number>();
  readonly #byStep = new Map<number, Fault>();
  readonly #byOperation = new Map<string, Fault>();
  readonly #waiting: { readonly step: number; readonly resolve: () => void }[] = [];
  #seeded: (() => Fault | undefined) | undefined;

  /** The steps so far. */
  get steps(): readonly Operation[] {
    return this.#steps;
  }

  /** 1 is the first step. */
  at(step: number, fault: Fault): void {
    this.#byStep.set(step, fault);
  }

  /** 1 is the first of these operations. */
  on(operation: Operation, nth: number, fault: Fault): void {
    this.#byOperation.set(`${operation} ${nth}`, fault);
  }

  /** The next operation of this kind, counted from now. */
  next(operation: Operation, fault: Fault): void {
    this.on(operation, this.#countOf(operation) + 1, fault);
  }

  /** Each step fails with this probability, in one of these ways. */
  seed(random: Random, probability: number, faults: readonly SeededFault[] = SEEDED): void {
    this.#seeded = () => {
      if (random() >= probability) return undefined;
      const fault = faults[randomInt(random, faults.length)];
      return typeof fault === 'function' ? fault(this) : fault;
    };
  }

  /** Resolves when so many further steps have arrived; what waits for it runs after the last of them. */
  afterSteps(count: number): Promise<void> {
    const step = this.#steps.length + count;
    return new Promise((resolve) => this.#waiting.push({ step, resolve }));
  }

  /** No further step fails. */
  clear(): void {
    this.#byStep.clear();
    this.#byOperation.clear();
    this.#seeded = undefined;
  }

  /** Counts the step, and returns its fault. */
  arrive(operation: Operation): Fault | undefined {
    this.#steps.push(operation);
    this.#counts.set(operation, this.#countOf(operation) + 1);
    this.#wake();
    const fault =
      this.#byStep.get(this.#steps.length) ??
      this.#byOperation.get(`${operation} ${this.#countOf(operation)}`) ??
      this.#seeded?.();
    if (fault?.kind === 'run') fault.run();
    return fault;
  }

  #wake(): void {
    const due = this.#waiting.filter(({ step }) => step <= this.#steps.length);
    for (const waiting of due) {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      waiting.resolve();
    }
  }

  #countOf(operation: Operation): number {
    return this.#counts.get(operation) ?? 0;
  }
}

/** The faults of a service that is not reached, or reached in vain. */
export const UNREACHED: readonly [string, (when: When) => Fault][] = [
  ['a broken connection', (when) => ({ kind: 'cut', when })],
  ['an unavailable service', (when) => ({ kind: 'status', code: 'UNAVAILABLE', when })],
];

/**
 * Calls `scenario` with a fault before and after each of its steps. It calls `arm` when its steps begin. Returns the
 * number of steps.
 */
export async function forEachStep(
  faults: FaultPlan,
  faultOf: (when: When) => Fault,
  scenario: (arm: () => void) => Promise<void>,
): Promise<number> {
  let steps = 1;
  for (let step = 1; step <= steps; step++) {
    for (const when of ['before', 'after'] as const) {
      let before = 0;
      await scenario(() => {
        before = faults.steps.length;
        faults.at(before + step, faultOf(when));
      });
      steps = Math.max(steps, faults.steps.length - before);
    }
  }
  return steps;
}
