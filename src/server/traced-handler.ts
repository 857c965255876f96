/** A handler of tasks whose every attempt is a span. */
import type { TaskHandler } from '../tasks/handler.ts';
import type { Tracing } from './tracing.ts';

export function tracedHandler<P>(handler: TaskHandler<P>, tracing: Tracing): TaskHandler<P> {
  return {
    ...handler,
    handle: (task, context) => {
      const { type, id, attempt, invocationId } = task;
      const attributes = {
        'postlude.task.type': type,
        'postlude.task.id': id,
        'postlude.task.attempt': attempt,
        ...(invocationId === undefined ? {} : { 'postlude.invocation': invocationId }),
      };
      return tracing.run(`task ${type}`, attributes, () => handler.handle(task, context));
    },
  };
}
