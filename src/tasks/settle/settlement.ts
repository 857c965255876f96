/**
 * What can become of leased tasks, once for each way in which a database can do it. Every change is
 * fenced: it touches a task only while the lease that it names is that of the newest attempt, and has
 * not been ended by a change before it.
 *
 * A change may have landed although its connection was lost. Asked for again it answers `lost`, which
 * is harmless: what was to be done is done.
 */
import { type LimitOptions, LOOK } from '../../storage/database.ts';
import { checkDelayMs, type LeaseId, type SettleOutcome } from '../task.ts';

/** How one attempt ended, and what follows from it for its task. */
export type Settlement =
  | { readonly lease: LeaseId; readonly outcome: 'done' }
  | { readonly lease: LeaseId; readonly outcome: 'released' }
  | {
      readonly lease: LeaseId;
      readonly outcome: 'retry';
      readonly error: string;
      readonly delayMs: number;
    }
  | {
      readonly lease: LeaseId;
      readonly outcome: 'dropped';
      readonly reason: string;
      /** The last lease was for burying it: it is no attempt. */
      readonly isUnbegun?: boolean;
    };

export interface Failure extends LeaseId {
  readonly delayMs: number;
  readonly lastError: string;
}

export interface Death extends LeaseId {
  readonly reason: string;
  /** The last lease was no attempt. */
  readonly isUnbegun?: boolean;
}

/** Each method answers an outcome for each of what it is given, in order. */
export interface Settling {
  /** The tasks go. */
  complete(leases: readonly LeaseId[]): Promise<SettleOutcome[]>;
  /** They come due again, later. */
  retry(failures: readonly Failure[]): Promise<SettleOutcome[]>;
  /** They are free again, as if the attempts had not been. */
  release(leases: readonly LeaseId[]): Promise<SettleOutcome[]>;
  /** They keep their leases, and it is known that their attempts have begun. */
  begin(leases: readonly LeaseId[]): Promise<SettleOutcome[]>;
  extend(leases: readonly LeaseId[], leaseMs: number): Promise<SettleOutcome[]>;
  /** They go, and are kept among the dead ones. */
  bury(deaths: readonly Death[]): Promise<SettleOutcome[]>;
}

/**
 * For an extension: on a connection that has fallen silent it must not last until the lease has ended,
 * since another one would do.
 */
export function extensionLimit(leaseMs: number): LimitOptions {
  const { limitMs = Number.POSITIVE_INFINITY } = LOOK;
  return { limitMs: Math.min(limitMs, Math.max(LEAST_EXTENSION_MS, Math.ceil(leaseMs / 6))) };
}

const LEAST_EXTENSION_MS = 1_000;
const MAX_REASON_LENGTH = 4_000;

/** One batch for each kind of outcome. Answers for each settlement, in order. */
export async function settleAll(
  settling: Settling,
  settlements: readonly Settlement[],
): Promise<SettleOutcome[]> {
  const outcomes = new Map<Settlement, SettleOutcome>();
  const settle = async <S extends Settlement>(
    group: readonly S[],
    change: (group: readonly S[]) => Promise<SettleOutcome[]>,
  ): Promise<void> => {
    if (group.length === 0) return;
    const settled = await change(group);
    group.forEach((settlement, index) => {
      outcomes.set(settlement, settled[index] ?? 'lost');
    });
  };
  await settle(settlements.filter(isA('done')), (done) => settling.complete(done.map(leaseOf)));
  await settle(settlements.filter(isA('released')), (free) => settling.release(free.map(leaseOf)));
  await settle(settlements.filter(isA('retry')), (failed) => settling.retry(failed.map(toFailure)));
  await settle(settlements.filter(isA('dropped')), (dead) => settling.bury(dead.map(toDeath)));
  return settlements.map((settlement) => outcomes.get(settlement) ?? 'lost');
}

type SettlementOf<O> = Extract<Settlement, { readonly outcome: O }>;

function isA<O extends Settlement['outcome']>(
  outcome: O,
): (settlement: Settlement) => settlement is SettlementOf<O> {
  return (settlement): settlement is SettlementOf<O> => settlement.outcome === outcome;
}

function leaseOf({ lease }: Settlement): LeaseId {
  return lease;
}

function toFailure({ lease, error, delayMs }: SettlementOf<'retry'>): Failure {
  const { type, id, fence } = lease;
  return { type, id, fence, delayMs: checkDelayMs(delayMs), lastError: storable(error) };
}

function toDeath({ lease, reason, isUnbegun = false }: SettlementOf<'dropped'>): Death {
  const { type, id, fence } = lease;
  return { type, id, fence, reason: storable(reason), isUnbegun };
}

/** As databases can keep it: bounded, and without NUL. What was thrown may have any message. */
function storable(message: string): string {
  return String(message).slice(0, MAX_REASON_LENGTH).toWellFormed().replaceAll('\0', '\ufffd');
}
