/**
 * Finalization by pushed tasks instead of the queue's own: their class, and the experiment that
 * chooses between the two ways. Both are served at once, whichever way a task was made; so the
 * switch may flip at any time. Names are those of LUCI ResultDB.
 */
import type { MessageShape } from '@bufbuild/protobuf';
import { type Experiments, experiment } from '../experiments/experiments.ts';
import { TryFinalizeInvocationSchema } from '../gen/luci/resultdb/internal/tasks/tasks_pb.js';
import { protobufBody } from '../tq/classes/body.ts';
import { taskClass } from '../tq/classes/task-class.ts';
import type { Tq } from '../tq/tq.ts';

type TryFinalizeInvocation = MessageShape<typeof TryFinalizeInvocationSchema>;

/** Each has an invocation tried. */
export const finalizationTasks = taskClass<TryFinalizeInvocation>({
  id: 'try-finalize-inv',
  body: protobufBody(TryFinalizeInvocationSchema),
  kind: 'transactional',
  queue: 'finalizer',
  routingPrefix: '/internal/tasks/finalizer',
});

export const useFinalizationTq = experiment('rdb-use-tq-finalization');

/** What pushed tries go through, while the experiment is on. */
export interface PushedTries {
  readonly tq: Pick<Tq, 'addTask'>;
  readonly experiments: Experiments;
}
