/** Describes the outcome of a sweep, whether a server or this process has made it. */
import type { SweepSummary } from '@postlude/queue/tq';
import { countOf } from './terminal/count.ts';

/** True if the task of every stale reminder is now in its queue. */
export function isSweptClean({ isWhole, kept, dead }: SweepSummary): boolean {
  return isWhole && kept === 0 && dead === 0;
}

export function describeSweep(summary: SweepSummary): string {
  const { scanned, stale, submitted, kept, dead, missing, isWhole } = summary;
  const counts = [
    [submitted, 'submitted'],
    [missing, 'submitted by others'],
    [kept, 'left to the next sweep'],
    [dead, 'dead'],
  ] as const;
  const told = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  const outcomes = told.length === 0 ? '' : `: ${told.join(', ')}`;
  const end = isWhole ? '' : '; the sweep did not reach all reminders: see the log for the reason';
  return `${countOf(scanned, 'reminder')}, ${stale} stale${outcomes}${end}`;
}
