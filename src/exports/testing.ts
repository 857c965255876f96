/** postlude/testing: time that tests move by hand, and crashes at every step on a database. */
export { FakeClock } from '../testing/fake-clock.ts';
export { CrashError, type CrashPlan, Faults, forEachCrash } from '../testing/faults.ts';
