/** Ends a command that SIGINT or SIGTERM has stopped. */
import type { CliContext } from '../context.ts';
import { exitCodeOfSignal, signalOf } from './spawn.ts';

/** The time for a page, a batch or a start that is under way to end. */
const CUT_MS = 3_000;

/**
 * Returns the outcome of `work`. If `work` has not ended soon after the command was stopped, because a
 * database is silent or holds a lock, the process ends without it. So `work` must be safe to interrupt
 * anywhere.
 */
export async function cutWhenStopped<T>(context: CliContext, work: () => Promise<T>): Promise<T> {
  const ended = new AbortController();
  void cutUnless(context, ended.signal);
  try {
    return await work();
  } finally {
    ended.abort();
  }
}

async function cutUnless(context: CliContext, ended: AbortSignal): Promise<void> {
  const { clock, exit, signal, stderr } = context;
  await untilAborted(AbortSignal.any([signal, ended]));
  await clock.sleep(CUT_MS, ended);
  if (ended.aborted) return;
  stderr.write('postlude: stopped without waiting for work that did not end\n');
  exit(exitCodeOfSignal(signalOf(signal)));
}

export function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
