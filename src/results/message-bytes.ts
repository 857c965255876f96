/** How long results and exonerations become in responses, besides the text that they hold. */

/** The invocation's name, the ids, the hash, the times, and the headers of all fields. */
const FIXED_BYTES = 400;
/** The headers of a pair and of its key and value. */
const PAIR_BYTES = 8;
/** The id itself, and the name, in which each byte may take three. */
const TEST_ID_TIMES = 4;

/** Returns an upper bound, without the long columns of the row. */
export function messageBytes(testId: string, pairs: number): number {
  return FIXED_BYTES + TEST_ID_TIMES * Buffer.byteLength(testId) + PAIR_BYTES * pairs;
}
