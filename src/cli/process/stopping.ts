/** What a command does when SIGINT or SIGTERM stops it. */
import type { CliContext } from '../context.ts';
import { exitCodeOfSignal, signalOf } from './spawn.ts';

/** For a page, a batch or a start that is under way. */
const CUT_MS = 3_000;

/**
 * The outcome of `work`. Where it has not ended a little after the command was stopped, because a database
 * is silent or holds a lock, the process ends without it: it must be such as may be cut anywhere.
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
  stderr.write('postlude: stopped, and left behind what did not end\n');
  exit(exitCodeOfSignal(signalOf(signal)));
}

export function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
