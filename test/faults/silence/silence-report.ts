/** Reports the effects of a silent database, and whether they are within bounds. */
import type { Load } from './silence-load.ts';

export interface Silence {
  /** All times are those of the monotonic clock. */
  readonly silentAt: number;
  readonly spokeAt: number;
  /** The time at which the first task ran after the silence. */
  readonly ranAt: number;
  readonly load: Load;
  readonly done: readonly { readonly id: string; readonly times: number }[];
  /** The number of tasks that are in the queue, or dead. */
  readonly left: number;
  /** The numbers of the results that are stored. */
  readonly results: readonly number[];
}

export interface Endings {
  readonly silentMs: number;
  readonly lockedMs: number;
  readonly graceMs: number;
}

export interface SilenceReport {
  readonly seconds: number;
  readonly tasks: number;
  /** The time from the end of the silence until a task ran. */
  readonly tasks_again_s: number;
  /** The time from the beginning of the silence until `/readyz` said that the server is not ready. */
  readonly not_ready_after_s: number | null;
  /** Responses of `/readyz` during the silence that said ready after the first that did not. */
  readonly ready_meanwhile: number;
  readonly ready_again_s: number | null;
  readonly said: string;
  readonly requests: number;
  readonly requests_failed: Readonly<Record<string, number>>;
  readonly slowest_request_s: number;
  readonly acknowledged_lost: number;
  readonly refused_stored: number;
  readonly tasks_lost: number;
  readonly tasks_twice: number;
  readonly tasks_left: number;
  readonly sigterm_silent_s: number;
  readonly sigterm_locked_s: number;
  readonly grace_s: number;
  /** The broken promises; empty if there are none. */
  readonly broken: readonly string[];
}

const AGAIN_S = 15;
/** The server checks every 5 s, and a check may take 5 s. */
const NOT_READY_S = 10;
/** The statement timeout, twice: once more to find out about a commit whose response was lost. */
const REQUEST_S = 75;
/** A server's end fits into the grace period; this is the time for a process to exit on a busy machine. */
const EXIT_S = 1;

export function judge(silence: Silence, endings: Endings): SilenceReport {
  const counts = {
    seconds: seconds(silence.spokeAt - silence.silentAt),
    tasks: silence.load.tasks,
    tasks_again_s: seconds(silence.ranAt - silence.spokeAt),
    ...readinessOf(silence),
    ...requestsOf(silence),
    ...tasksOf(silence),
    sigterm_silent_s: seconds(endings.silentMs),
    sigterm_locked_s: seconds(endings.lockedMs),
    grace_s: seconds(endings.graceMs),
  };
  return { ...counts, broken: brokenOf(counts) };
}

function brokenOf(counts: Omit<SilenceReport, 'broken'>): string[] {
  const { not_ready_after_s: notReadyS, ready_again_s: againS, grace_s: graceS } = counts;
  const bounds: readonly [string, boolean][] = [
    [`tasks run again within ${AGAIN_S} s`, counts.tasks_again_s <= AGAIN_S],
    [`not ready within ${NOT_READY_S} s`, notReadyS !== null && notReadyS <= NOT_READY_S],
    ['not ready until the database speaks', counts.ready_meanwhile === 0],
    [`ready again within ${AGAIN_S} s`, againS !== null && againS <= AGAIN_S],
    [`requests end within ${REQUEST_S} s`, counts.slowest_request_s <= REQUEST_S],
    ['no request fails without a code of its own', !('Internal' in counts.requests_failed)],
    ['nothing acknowledged is lost', counts.acknowledged_lost === 0],
    ['nothing refused is stored', counts.refused_stored === 0],
    ['no task is lost', counts.tasks_lost + counts.tasks_left === 0],
    ['no task runs twice', counts.tasks_twice === 0],
    ['SIGTERM during silence', counts.sigterm_silent_s <= graceS + EXIT_S],
    ['SIGTERM during a lock', counts.sigterm_locked_s <= graceS + EXIT_S],
  ];
  return bounds.filter(([, holds]) => !holds).map(([bound]) => bound);
}

function readinessOf({ silentAt, spokeAt, load: { readiness } }: Silence) {
  const during = readiness.filter(({ askedAt }) => askedAt >= silentAt && askedAt < spokeAt);
  const first = during.findIndex(({ text }) => text.startsWith('not ready'));
  const notReady = during[first];
  const again = readiness.find(({ askedAt, text }) => askedAt >= spokeAt && text === 'ready');
  const meanwhile = during.slice(first).filter(({ answeredAt }) => answeredAt < spokeAt);
  return {
    not_ready_after_s: notReady === undefined ? null : seconds(notReady.answeredAt - silentAt),
    ready_meanwhile: meanwhile.filter(({ text }) => text === 'ready').length,
    ready_again_s: again === undefined ? null : seconds(again.answeredAt - spokeAt),
    said: during.findLast(({ text }) => text.startsWith('not ready'))?.text ?? '',
  };
}

function requestsOf({ load: { requests }, results }: Silence) {
  const failed: Record<string, number> = {};
  for (const { code } of requests) if (code !== undefined) failed[code] = (failed[code] ?? 0) + 1;
  const stored = new Set(results);
  const answered = requests.filter(({ code }) => code === undefined);
  const refused = requests.filter(({ code }) => code === 'Unavailable');
  return {
    requests: requests.length,
    requests_failed: failed,
    slowest_request_s: seconds(Math.max(...requests.map(({ tookMs }) => tookMs))),
    acknowledged_lost: answered.filter(({ number }) => !stored.has(number)).length,
    refused_stored: refused.filter(({ number }) => stored.has(number)).length,
  };
}

function tasksOf({ load: { tasks }, done, left }: Silence) {
  return {
    tasks_lost: tasks - done.length,
    tasks_twice: done.filter(({ times }) => times > 1).length,
    tasks_left: left,
  };
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
