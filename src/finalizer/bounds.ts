import { MAX_MUTATIONS } from '@postlude/queue/storage';

/** Bounds the work of one transaction or one snapshot. Tests set low bounds to reach the edges. */
export interface Bounds {
  /** How many inclusions the deciding transaction looks at. */
  readonly inclusions: number;
  /** How many hops along a chain of blockers the deciding transaction takes. */
  readonly hops: number;
  /** How many queries one snapshot makes along a chain or through a cycle. */
  readonly snapshotQueries: number;
  /** How many waiters one transaction wakes. */
  readonly wakes: number;
  /** How many of them are tried in that transaction itself; the others get tasks. */
  readonly cascade: number;
  /** How far they may be from the invocation that the transaction was to try, in waits. */
  readonly cascadeDepth: number;
  /**
   * How many mutations one transaction makes to finalize or mark invocations. Their waiters are not
   * counted; with these, it stays far below the limit of Spanner. A closed set that takes more
   * mutations is written in several transactions.
   */
  readonly mutations: number;
}

export const DEFAULT_BOUNDS: Bounds = {
  inclusions: 64,
  hops: 16,
  snapshotQueries: 500,
  wakes: 1000,
  cascade: 200,
  cascadeDepth: 50,
  mutations: MAX_MUTATIONS / 2,
};
