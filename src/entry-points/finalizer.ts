/**
 * @postlude/postlude/finalizer: finalizes invocations in a program of your own, on the database of a
 * server or without a server.
 */
export {
  type Experiment,
  type Experiments,
  enableExperiments,
  experiment,
  noExperiments,
} from '../experiments/experiments.ts';
export type { Bounds } from '../finalizer/bounds.ts';
export { type Explanation, explain } from '../finalizer/explain.ts';
export {
  finalizationTasks,
  type PushedTries,
  TRY_FINALIZE_INVOCATION,
  useFinalizationTq,
} from '../finalizer/finalization-tasks.ts';
export { tryFinalize } from '../finalizer/finalizer.ts';
export { finalizeHandler, finalizePushHandler } from '../finalizer/handler.ts';
export type { FinalizerParts } from '../finalizer/parts.ts';
export { type Rescue, type RescueOptions, rescueStuck } from '../finalizer/rescue.ts';
export { startFinalization, startFinalizations } from '../finalizer/schedule.ts';
export type { TryOutcome } from '../finalizer/verdict.ts';
export type { Start } from '../invocations/finalization-state.ts';
export { type InvocationId, parseInvocationId, parseInvocationName } from '../invocations/id.ts';
