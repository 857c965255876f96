/** @postlude/postlude/testing: time that tests move by hand, crashes at every step, and a queue in memory. */
export { FakeClock } from '../testing/fake-clock.ts';
export { CrashError, type CrashPlan, Faults, forEachCrash } from '../testing/faults.ts';
export {
  type ExecuteTask,
  executeHere,
  type RunOptions,
  type ScheduledTask,
  TaskScheduler,
  type TaskSchedulerOptions,
} from '../testing/task-scheduler.ts';
