/** Metrics of the admission of calls, by classes of methods. Callers are no labels: there may be any number. */
import type { Metrics } from '@postlude/queue/foundations';
import type { FairQueues } from './fair-queues.ts';
import type { LoadControl } from './load-control.ts';
import { METHOD_CLASSES, type MethodClass } from './method-class.ts';
import type { RefusalReason } from './refusal.ts';

/** Returns a function that counts a refusal. */
export function observeAdmission(
  metrics: Metrics,
  queues: FairQueues,
  load: LoadControl,
): (methodClass: MethodClass, why: RefusalReason) => void {
  metrics.gauge(
    'postlude.admission.requests',
    { description: 'Requests in work, and those that wait for their turn', unit: '{request}' },
    async () =>
      METHOD_CLASSES.flatMap((methodClass) => {
        const { inWork, waiting } = queues.stateOf(methodClass);
        return [
          { value: inWork, fields: { class: methodClass, state: 'in work' } },
          { value: waiting, fields: { class: methodClass, state: 'waiting' } },
        ];
      }),
  );
  metrics.gauge(
    'postlude.admission.bytes',
    { description: 'Bytes of requests in work', unit: 'By' },
    async () => [{ value: queues.bytes, fields: {} }],
  );
  metrics.gauge(
    'postlude.admission.share',
    { description: 'The share of its capacity that the server uses; below 1, it is overloaded' },
    async () => [{ value: load.share, fields: {} }],
  );
  const refused = metrics.counter('postlude.admission.refused', {
    description: 'Requests that were told to try again later',
    unit: '{request}',
  });
  return (methodClass, why) => refused.add(1, { class: methodClass, reason: why });
}
