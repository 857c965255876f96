import { CodedError } from '@postlude/queue/foundations';

/** The names of luci.resultdb.v1.TestStatus. */
export type TestStatus = 'PASS' | 'FAIL' | 'CRASH' | 'ABORT' | 'SKIP';

/** The numbers in the database and in the proto. */
export const STATUS_NUMBERS: Readonly<Record<TestStatus, number>> = {
  PASS: 1,
  FAIL: 2,
  CRASH: 3,
  ABORT: 4,
  SKIP: 5,
};

const STATUSES = new Map(
  Object.entries(STATUS_NUMBERS).map(([status, number]) => [number, status as TestStatus]),
);

/** Converts a number from the database. */
export function statusOf(number: number): TestStatus {
  const status = STATUSES.get(number);
  if (status === undefined) throw new CodedError('data-loss', `unknown test status ${number}`);
  return status;
}
