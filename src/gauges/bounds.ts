/** "At least ten thousand" is precise enough for a gauge, and costs a bounded read. */
export const MAX_COUNTED = 10_000;
