/**
 * Lapsed leases: they ended without a completion, a retry, a release or a death of their task. The process
 * has died, or was cut off from the database for as long as the lease.
 *
 * The claim counts an attempt for each lease, and notes which of them begin at once (`begun`): that costs
 * nothing. The beginning of tasks that were leased ahead is not noted; most of them begin within
 * milliseconds, by the hundred. So the next lease of a task knows this of the lease before:
 *
 * - It had begun: its attempt counts, one more has ended with its process (`deaths`), and that is its
 *   last error. A process that dies after the claim and before its handlers run counts so, too.
 * - It had not begun, for all that is known: its attempt is given back, and the task is suspected
 *   (`deaths` is no longer NULL). Attempts at suspected tasks begin only after that has been written.
 *
 * So a task whose handler kills its process is started `maxAttempts` times. It is started once more if its first
 * death came in a lease taken ahead, as that cannot be told from a neighbour's death; that happens once,
 * as the task is suspected from then on. With `maxAttempts` of 1 each begin is written first, so there is
 * one start. A task that was only leased ahead loses no attempt, however often the processes around it die.
 * Once all attempts are used up, the next lease begins nothing: its dispatcher marks the task dead.
 */
import { raw, type Sql, sql } from '../../storage/sql.ts';

const PROCESS_DIED = 'its process died: nothing was heard of the attempt until its lease ended';

/** The columns of a task's row that describe its leases. */
interface LeaseHistory {
  readonly attempt: number;
  readonly begun: boolean | undefined;
  readonly deaths: number | undefined;
  readonly leaseUntil: number | undefined;
  readonly lastError: string | undefined;
}

/** Returns the columns that a new lease changes, other than those of the lease itself. */
export function historyAtLease<H extends LeaseHistory>({
  attempt,
  begun = false,
  deaths,
  leaseUntil,
  lastError,
}: H): Pick<LeaseHistory, 'attempt' | 'deaths' | 'lastError'> {
  if (leaseUntil === undefined) return { attempt: attempt + 1, deaths, lastError };
  const before = deaths ?? 0;
  return begun
    ? { attempt: attempt + 1, deaths: before + 1, lastError: PROCESS_DIED }
    : { attempt, deaths: before, lastError };
}

/** Does the same as `historyAtLease`, as assignments of an UPDATE. */
export const HISTORY_AT_LEASE: Sql = sql`
  attempt = attempt + CASE WHEN ${raw('lease_until IS NOT NULL AND begun IS NOT TRUE')} THEN 0 ELSE 1 END,
  deaths = CASE WHEN lease_until IS NULL THEN deaths
    ELSE coalesce(deaths, 0) + CASE WHEN begun THEN 1 ELSE 0 END END,
  last_error = CASE WHEN lease_until IS NOT NULL AND begun THEN ${PROCESS_DIED} ELSE last_error END`;
