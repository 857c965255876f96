/** The collaborators of the RPC of Limits. */
import type { Authorizer } from '../shared/permissions.ts';

/** What a server lets in, and what is in work. */
export interface LimitsState {
  readonly classes: readonly ClassState[];
  /** Those with the most requests first. */
  readonly callers: readonly CallerState[];
  readonly load: LoadState;
}

export interface ClassState {
  readonly name: string;
  readonly capacity: number;
  readonly presentCapacity: number;
  readonly inWork: number;
  readonly waiting: number;
}

export interface CallerState {
  readonly name: string;
  readonly inWork: number;
  readonly waiting: number;
  readonly bytes: number;
  readonly maxBytes: number;
  readonly refused: number;
  readonly resultsToday: number;
  /** `undefined` means any number. */
  readonly maxResultsPerDay: number | undefined;
  /** `undefined` means any number. */
  readonly maxRequestsPerSecond: number | undefined;
}

export interface LoadState {
  readonly delayMs: number;
  readonly heapShare: number;
  readonly capacityShare: number;
}

export interface LimitsParts {
  readonly authorizer: Authorizer;
  readonly readState: () => LimitsState;
}
