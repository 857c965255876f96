/** How many rows were deleted, by table. */
export type Deleted = Readonly<Record<string, number>>;

/** Returns the sums, without zeros. */
export function sumDeleted(...parts: readonly Deleted[]): Deleted {
  const sums = new Map<string, number>();
  for (const [table, rows] of parts.flatMap((part) => Object.entries(part))) {
    if (rows > 0) sums.set(table, (sums.get(table) ?? 0) + rows);
  }
  return Object.fromEntries(sums);
}
