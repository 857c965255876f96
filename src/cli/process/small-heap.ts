/**
 * Keeps the heap small while streams of short-lived objects pass through, as reports and exports do. V8
 * would otherwise double the young generation repeatedly, and let the old one grow several times over
 * before it collects garbage there. Uploading a report of 60 MB takes 150 MB with this and 250 MB without,
 * and a server grows by 75 MB instead of 180, at the cost of a tenth of the speed. V8 ignores flags that a
 * version does not know. This module is imported before those of commands.
 */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** With the megabyte that V8 begins with, what it collects too often and too early takes a fifth of the time. */
const YOUNG_BYTES = 8 * 1024 * 1024;
const MAX_ARRAYS = 1_000;
const ARRAY_LENGTH = 4_096;

growYoungGeneration();
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--heap-growing-percent=60');

/** V8 lets it grow for objects that outlive a collection, so some are kept until it is large enough. */
function growYoungGeneration(): void {
  const kept: number[][] = [];
  while (youngBytes() < YOUNG_BYTES && kept.length < MAX_ARRAYS) {
    kept.push(...Array.from({ length: 16 }, () => new Array<number>(ARRAY_LENGTH).fill(0)));
  }
}

function youngBytes(): number {
  const spaces = getHeapSpaceStatistics();
  return spaces.find(({ space_name }) => space_name === 'new_space')?.space_size ?? YOUNG_BYTES;
}
