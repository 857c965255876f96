import { nameByNumber } from '../invocations/stored-names.ts';

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

/** Converts a number from the database. */
export const statusOf = nameByNumber(STATUS_NUMBERS, 'test status');
