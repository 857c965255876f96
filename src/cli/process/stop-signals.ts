/**
 * SIGINT and SIGTERM. The first one, of either, asks for an end in order; the second ends the process.
 *
 * CI systems and terminals signal a whole process group, and npm passes on what it got: a signal that
 * comes twice within a moment is one wish.
 */
import type { Clock } from '../../clock.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
export type StopSignal = (typeof SIGNALS)[number];

const ECHO_MS = 300;

/** As `process` has them. */
export interface SignalSource {
  on(signal: StopSignal, listener: (signal: StopSignal) => void): unknown;
  off(signal: StopSignal, listener: (signal: StopSignal) => void): unknown;
}

export interface StopSignals {
  /** Aborts on the first one, which is its reason. */
  readonly signal: AbortSignal;
  /** Aborts on the second one; who listens has until the process ends, and that is at once. */
  readonly forced: AbortSignal;
}

/** `end` ends the process, as the signal does where nobody listens. */
export function listenForStops(
  source: SignalSource,
  clock: Pick<Clock, 'monotonicMs'>,
  end: (signal: StopSignal) => void,
): StopSignals {
  const [stopping, forcing] = [new AbortController(), new AbortController()];
  let firstAt = 0;
  const onSignal = (signal: StopSignal): void => {
    const now = clock.monotonicMs();
    if (!stopping.signal.aborted) {
      firstAt = now;
      stopping.abort(signal);
    } else if (signal !== stopping.signal.reason || now - firstAt > ECHO_MS) {
      for (const each of SIGNALS) source.off(each, onSignal);
      forcing.abort(signal);
      end(signal);
    }
  };
  for (const each of SIGNALS) source.on(each, onSignal);
  return { signal: stopping.signal, forced: forcing.signal };
}
