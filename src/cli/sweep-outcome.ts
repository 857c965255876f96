/** How a sweep went, for people and for exit codes; made by a server, or in this process. */
import type { SweepSummary } from '../tq/sweep/sweeper.ts';
import { countOf } from './terminal/count.ts';

/** Whether every stale reminder's task is in its queue. */
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
  const told = counts.filter(([count]) => count > 0).map(([count, fate]) => `${count} ${fate}`);
  const fates = told.length === 0 ? '' : `: ${told.join(', ')}`;
  const end = isWhole ? '' : '; it did not reach all: the log has the reason';
  return `${countOf(scanned, 'reminder')}, ${stale} stale${fates}${end}`;
}
