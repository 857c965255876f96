/** How a delivered task went. */

/**
 * - `done`: the handler returned.
 * - `retry`: it failed; `transient`: it failed for a temporary cause (database unavailable, conflict).
 * - `fatal`: a PermanentError; the task does not run again. `ignored`: an IgnoredError; it does not run
 *   again either, which is no failure.
 * - `bad-request`: the request is not a task, or has the wrong payload. `unknown-class`, `no-handler`:
 *   this process does not know the task. A newer version may, so it runs again later.
 */
export type ReceiptOutcome =
  | 'done'
  | 'retry'
  | 'transient'
  | 'fatal'
  | 'ignored'
  | 'bad-request'
  | 'unknown-class'
  | 'no-handler';

export interface Receipt {
  readonly outcome: ReceiptOutcome;
  readonly classId: string | undefined;
  /** Why the task is not done. */
  readonly error: Error | undefined;
}
