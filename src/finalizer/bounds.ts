import { MAX_MUTATIONS } from '../storage/mutation-count.ts';

/** How much one transaction or one snapshot may take on. Tests set them low, to be at the edges. */
export interface Bounds {
  /** Inclusions that the deciding transaction looks at. */
  readonly inclusions: number;
  /** Hops along a chain of blockers, in that transaction. */
  readonly hops: number;
  /** Queries of one snapshot, along a chain or through a cycle. */
  readonly snapshotQueries: number;
  /** Waiters to wake in a transaction. */
  readonly wakes: number;
  /**
   * Mutations of what one transaction finalizes or marks, its waiters not counted: with those, it stays
   * far below what Spanner takes. A closed set that takes more is written in several.
   */
  readonly mutations: number;
}

export const DEFAULT_BOUNDS: Bounds = {
  inclusions: 64,
  hops: 16,
  snapshotQueries: 500,
  wakes: 1000,
  mutations: MAX_MUTATIONS / 2,
};
