/** Measures the load of this process: the delay of its event loop, and its heap. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { LoadMeter } from './load-control.ts';

const RESOLUTION_MS = 10;
const NANOS_PER_MS = 1e6;

export function processMeter(): LoadMeter {
  // Never reset: a reset loses the interval that is under way, which may be the one that is long.
  const intervals = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  intervals.enable();
  let seen = { count: 0, sumMs: 0 };
  return {
    read: () => {
      const { count } = intervals;
      const sumMs = count === 0 ? 0 : (count * intervals.mean) / NANOS_PER_MS;
      const [newCount, newSumMs] = [count - seen.count, sumMs - seen.sumMs];
      seen = { count, sumMs };
      // Each interval includes the time for which its timer was set.
      const delayMs = newCount === 0 ? 0 : Math.max(0, newSumMs / newCount - RESOLUTION_MS);
      const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
      return { delayMs, heapShare: used / limit };
    },
    close: () => void intervals.disable(),
  };
}
