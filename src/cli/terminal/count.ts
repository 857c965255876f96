/** Returns a number with its noun: `1 test`, `2 tests`. */
export function countOf(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}
