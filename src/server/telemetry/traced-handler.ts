/** Wraps a handler so that each attempt is a span, below the span that the task names, if any. */
import type { BatchTaskHandler, Task, TaskHandler } from '@postlude/queue';
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

/** Wraps a handler of batches so that each batch is a span, which has the name of a single task's span. */
export function tracedBatchHandler<P>(
  handler: BatchTaskHandler<P>,
  tracing: Pick<Tracing, 'run'>,
): BatchTaskHandler<P> {
  const { name } = handler.type;
  return {
    ...handler,
    handleBatch: (tasks, context) => {
      const attributes = { 'postlude.task.type': name, 'postlude.task.count': tasks.length };
      return tracing.run(`task ${name}`, { attributes }, () => handler.handleBatch(tasks, context));
    },
  };
}
