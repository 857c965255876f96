/**
 * What can become of leased tasks, once for each way in which a database can do it. Every change is
 * fenced: it touches a task only while the lease that it names is that of the newest attempt.
 *
 * A change may have landed although its connection was lost. Asked for again it answers `lost`, which
 * is harmless: what was to be done is done.
 */
import type { EpochMs } from '../clock.ts';
import { checkProcessAfter, type LeaseId, type SettleOutcome } from './task.ts';

/** How one attempt ended, and what follows from it for its task. */
export type Settlement = { readonly lease: LeaseId } & (
  | { readonly outcome: 'done' | 'released' }
  | { readonly outcome: 'retry'; readonly error: string; readonly delayMs: number }
  | { readonly outcome: 'dropped'; readonly reason: string }
);

export interface Failure extends LeaseId {
  readonly processAfter: EpochMs;
  readonly lastError: string;
}

export interface Death extends LeaseId {
  readonly reason: string;
}

/** Each method answers an outcome for each of what it is given, in order. */
export interface Settling {
  /** The tasks go. */
  complete(leases: readonly LeaseId[]): Promise<SettleOutcome[]>;
  /** They come due again, later. */
  retry(failures: readonly Failure[]): Promise<SettleOutcome[]>;
  /** They are free again, as if the attempts had not been. */
  release(leases: readonly LeaseId[]): Promise<SettleOutcome[]>;
  extend(leases: readonly LeaseId[], leaseUntil: EpochMs): Promise<SettleOutcome[]>;
  /** They go, and are kept among the dead ones. */
  bury(deaths: readonly Death[], deadTime: EpochMs): Promise<SettleOutcome[]>;
}

const MAX_REASON_LENGTH = 4_000;

/** One call for each kind of outcome. Answers an outcome for each settlement, in order. */
export async function settleAll(
  settling: Settling,
  settlements: readonly Settlement[],
  now: EpochMs,
): Promise<SettleOutcome[]> {
  const completed: LeaseId[] = [];
  const released: LeaseId[] = [];
  const failures: Failure[] = [];
  const deaths: Death[] = [];
  const places = settlements.map((settlement) => {
    switch (settlement.outcome) {
      case 'done':
        return { of: 'completed', index: completed.push(settlement.lease) - 1 } as const;
      case 'released':
        return { of: 'released', index: released.push(settlement.lease) - 1 } as const;
      case 'retry':
        return { of: 'failures', index: failures.push(toFailure(settlement, now)) - 1 } as const;
      case 'dropped':
        return { of: 'deaths', index: deaths.push(toDeath(settlement)) - 1 } as const;
    }
  });
  return []
}
