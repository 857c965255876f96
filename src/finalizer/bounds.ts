/** How much one transaction or one snapshot may take on. Tests set them low, to be at the edges. */
export interface Bounds {
  /** Inclusions that the deciding transaction looks at. */
  readonly inclusions: number;
  /** Hops along a chain of blockers, in that transaction. */
  readonly hops: number;
  /** Queries of one snapshot, along a chain or through a cycle. */
  readonly snapshotQueries: number;
  /** Waiters to wake in a transaction, for each batch of what it finalizes. */
  readonly wakes: number;
}

export const DEFAULT_BOUNDS: Bounds = {
  inclusions: 64,
  hops: 16,
  snapshotQueries: 500,
  wakes: 1000,
};
