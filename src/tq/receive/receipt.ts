/** How a delivered task went. */

/**
 * - `done`: the handler returned.
 * - `retry`: it failed; `transient`: it failed for want of something that time brings.
 * - `fatal`: a PermanentError; dropped. `ignored`: an IgnoredError; dropped, and no failure.
 * - `bad-request`: no task, or no such payload; `unknown-class`, `no-handler`: not one for this
 *   process. A newer version may know it: run again later.
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
  /** Why it is not done. */
  readonly error: Error | undefined;
}
