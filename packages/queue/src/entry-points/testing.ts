/** @postlude/queue/testing: a clock that tests advance, crashes at every step, and a scheduler that runs tasks. */
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
