/**
 * Handles SIGINT and SIGTERM. The first of either asks for a graceful end; the second ends the process.
 *
 * CI systems and terminals signal a whole process group, and npm passes its signals on. So the same signal
 * twice within a moment counts once.
 */
import type { Clock } from '@postlude/queue/foundations';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
export type StopSignal = (typeof SIGNALS)[number];

const ECHO_MS = 300;

/** The part of `process` that is needed here. */
export interface SignalSource {
  on(signal: StopSignal, listener: (signal: StopSignal) => void): unknown;
  off(signal: StopSignal, listener: (signal: StopSignal) => void): unknown;
}

export interface StopSignals {
  /** Aborts on the first signal, which is its reason. */
  readonly signal: AbortSignal;
  /** Aborts on the second signal. Listeners must act synchronously, as the process then ends at once. */
  readonly forced: AbortSignal;
}

/** `end` ends the process as the signal would without a listener. */
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
