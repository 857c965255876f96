/** The result of one check of `postlude doctor`. */

export type Check =
  | 'node'
  | 'packages'
  | 'config'
  | 'server'
  | 'clock'
  | 'database'
  | 'schema'
  | 'permissions'
  | 'queues'
  | 'exports';

export interface Finding {
  readonly check: Check;
  readonly level: 'ok' | 'warning' | 'problem';
  /** What was found, and what to do about it. */
  readonly message: string;
}

export const ok = (check: Check, message: string): Finding => ({ check, level: 'ok', message });

export const warning = (check: Check, message: string): Finding => ({
  check,
  level: 'warning',
  message,
});

export const problem = (check: Check, message: string): Finding => ({
  check,
  level: 'problem',
  message,
});
