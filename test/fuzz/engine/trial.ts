/** Checks one input in this thread, and measures the work that it takes. */
import type { FuzzTarget } from './target.ts';

export type FindKind = 'crash' | 'slow' | 'hang' | 'memory';

export interface Verdict {
  readonly kind: FindKind;
  readonly message: string;
}

/** The time of the processor that an input may take; far more than any needs, on a slow machine too. */
const SLOW_MS = 250;
const SLOW_MS_PER_KIB = 10;
/** The first measure may hold a collection of garbage or a compilation; the least of these counts. */
const MEASURES = 3;

/** Returns what is wrong, if anything is. Never throws. */
export async function tryInput(target: FuzzTarget, input: Buffer): Promise<Verdict | undefined> {
  const limitMs = SLOW_MS + (SLOW_MS_PER_KIB * input.length) / 1024;
  let leastMs = Number.POSITIVE_INFINITY;
  for (let measure = 0; measure < MEASURES && leastMs > limitMs; measure++) {
    const before = process.threadCpuUsage();
    const broken = await brokenPromise(target, input);
    if (broken) return broken;
    const { user, system } = process.threadCpuUsage(before);
    leastMs = Math.min(leastMs, (user + system) / 1000);
  }
  if (leastMs <= limitMs) return undefined;
  return { kind: 'slow', message: `takes ${Math.round(leastMs)} ms for ${input.length} bytes` };
}

/** As `tryInput`, whatever time it takes. */
export async function brokenPromise(
  target: FuzzTarget,
  input: Buffer,
): Promise<Verdict | undefined> {
  try {
    const pending = target.check(input);
    if (pending) await pending;
    return undefined;
  } catch (error) {
    return { kind: 'crash', message: error instanceof Error ? `${error.stack}` : String(error) };
  }
}
