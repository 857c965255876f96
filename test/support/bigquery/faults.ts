/**
 * What goes wrong, at which step. Each request over HTTP is a step, each call over gRPC, and each append on a
 * connection; they are counted as they arrive. So a test can repeat a flow with a fault at each of its steps:
 *
 *     bigQuery.faults.at(3, { kind: 'cut', when: 'after' });             the third step
 *     bigQuery.faults.on('AppendRows', 2, { kind: 'status', code: 'UNAVAILABLE', when: 'before' });
 *     bigQuery.faults.seed(random, 0.1);                                 each step with this probability
 */
import type { Random } from '@postlude/queue/foundations';
import { randomInt } from '@postlude/queue/foundations';
import type { ApiError, GrpcCode } from './errors.ts';

export type Operation =
  | 'tables.get'
  | 'tables.insert'
  | 'tables.patch'
  | 'tables.delete'
  | 'tabledata.insertAll'
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
  /** The TCP connection breaks, and the append takes effect later: as if the network had held it back. */
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

const SEEDED: readonly Fault[] = [
  { kind: 'cut', when: 'before' },
  { kind: 'cut', when: 'after' },
  { kind: 'status', code: 'UNAVAILABLE', when: 'before' },
  { kind: 'status', code: 'UNAVAILABLE', when: 'after' },
];

export class FaultPlan {
  readonly #steps: Operation[] = [];
  readonly #counts = new Map<Operation, number>();
  readonly #byStep = new Map<number, Fault>();
  readonly #byOperation = new Map<string, Fault>();
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
  seed(random: Random, probability: number, faults: readonly Fault[] = SEEDED): void {
    this.#seeded = () =>
      random() < probability ? faults[randomInt(random, faults.length)] : undefined;
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
    const fault =
      this.#byStep.get(this.#steps.length) ??
      this.#byOperation.get(`${operation} ${this.#countOf(operation)}`) ??
      this.#seeded?.();
    if (fault?.kind === 'run') fault.run();
    return fault;
  }

  #countOf(operation: Operation): number {
    return this.#counts.get(operation) ?? 0;
  }
}
