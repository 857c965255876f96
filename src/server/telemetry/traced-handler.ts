/** Wraps a handler so that each attempt is a span, below the span that the task names, if any. */
import type { Task, TaskHandler } from '@postlude/queue';
import type { Tracing } from './tracing.ts';

export function tracedHandler<P>(
  handler: TaskHandler<P>,
  tracing: Pick<Tracing, 'run'>,
  traceparentOf: (task: Task<P>) => string | undefined = () => undefined,
): TaskHandler<P> {
  return {
    ...handler,
    handle: (task, context) => {
      const { type, id, attempt, subject } = task;
      const attributes = {
        'postlude.task.type': type,
        'postlude.task.id': id,
        'postlude.task.attempt': attempt,
        ...(subject === undefined ? {} : { 'postlude.invocation': subject }),
      };
      const options = { attributes, traceparent: traceparentOf(task) };
      return tracing.run(`task ${type}`, options, () => handler.handle(task, context));
    },
  };
}
