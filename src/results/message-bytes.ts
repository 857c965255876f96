/** How long results and exonerations become in responses, besides the text that they hold. */

/** The invocation's name, the ids, the hashes, the times, and the headers of all fields. */
const FIXED_BYTES = 460;
/** The headers of a pair and of its key and value. */
const PAIR_BYTES = 8;
/** The id itself, its parts, and the name, in which each byte may take three. */
const TEST_ID_TIMES = 5;

export interface MessageParts {
  readonly testId: string;
  /** The pairs in stored form. They are in the message twice: also as the variant of the module. */
  readonly variant: readonly string[];
  readonly tags?: readonly string[];
}

/** Returns an upper bound for what comes on top of the long columns of the row. */
export function messageBytes({ tags = [], testId, variant }: MessageParts): number {
  const again = variant.reduce((sum, pair) => sum + Buffer.byteLength(pair), 0);
  const pairs = 2 * variant.length + tags.length;
  return FIXED_BYTES + TEST_ID_TIMES * Buffer.byteLength(testId) + PAIR_BYTES * pairs + again;
}
