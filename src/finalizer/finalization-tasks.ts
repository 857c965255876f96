/**
 * The tasks that try to finalize an invocation: tasks of the queue or pushed tasks, and the
 * experiment that chooses between the two ways. A server serves tasks of both ways at once, so the
 * switch may flip at any time. The names are those of LUCI ResultDB.
 */
import type { MessageShape } from '@bufbuild/protobuf';
import { noPayload, protobufPayload, taskType } from '@postlude/queue';
import type { Tq } from '@postlude/queue/tq';
import { taskClass } from '@postlude/queue/tq';
import { type Experiments, experiment } from '../experiments/experiments.ts';
import { TryFinalizeInvocationSchema } from '../gen/luci/resultdb/internal/tasks/tasks_pb.js';

type TryFinalizeInvocation = MessageShape<typeof TryFinalizeInvocationSchema>;

/** In the queue: tries to finalize the invocation that is the task's subject. */
export const TRY_FINALIZE_INVOCATION = taskType('finalize', noPayload);

/** Pushed: each task tries to finalize one invocation. */
export const finalizationTasks = taskClass<TryFinalizeInvocation>({
  id: 'try-finalize-inv',
  payload: protobufPayload(TryFinalizeInvocationSchema),
  kind: 'transactional',
  queue: 'finalizer',
  routingPrefix: '/internal/tasks/finalizer',
});

export const useFinalizationTq = experiment('rdb-use-tq-finalization');

/** The collaborators that push tries while the experiment is on. */
export interface PushedTries {
  readonly tq: Pick<Tq, 'addTask'>;
  readonly experiments: Experiments;
}
