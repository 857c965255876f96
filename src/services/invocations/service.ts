/** postlude.v1.Invocations: opens, ends, lists, explains and watches invocations. */
import type { Invocations } from '../../gen/postlude/v1/invocations_pb.js';
import type { RecorderParts } from '../recorder/parts.ts';
import type { ServiceMethods } from '../shared/service-methods.ts';
import { batchFinalizeInvocations } from './batch-finalize-invocations.ts';
import { countTestResults } from './count-test-results.ts';
import { endInvocation } from './end-invocation.ts';
import { explainInvocation } from './explain-invocation.ts';
import { keepInvocationAlive } from './keep-invocation-alive.ts';
import { listInvocations } from './list-invocations.ts';
import { openInvocation } from './open-invocation.ts';
import type { InvocationsParts } from './parts.ts';
import { watchInvocation } from './watch-invocation.ts';
import { WatchedInvocations } from './watched-invocations.ts';

export function createInvocations(parts: InvocationsParts): ServiceMethods<typeof Invocations> {
  const watching = { ...parts, watched: new WatchedInvocations(parts) };
  return {
    countTestResults: (request, context) => countTestResults(parts, request, context),
    explainInvocation: (request, context) => explainInvocation(parts, request, context),
    listInvocations: (request, context) => listInvocations(parts, request, context),
    watchInvocation: (request, context) => watchInvocation(watching, request, context),
    ...createInvocationsWriting(parts),
  };
}

/** Creates the RPCs that change an invocation. */
export function createInvocationsWriting(
  parts: RecorderParts,
): Pick<
  ServiceMethods<typeof Invocations>,
  'openInvocation' | 'keepInvocationAlive' | 'endInvocation' | 'batchFinalizeInvocations'
> {
  return {
    openInvocation: (request, context) => openInvocation(parts, request, context),
    keepInvocationAlive: (request, context) => keepInvocationAlive(parts, request, context),
    endInvocation: (request, context) => endInvocation(parts, request, context),
    batchFinalizeInvocations: (request, context) =>
      batchFinalizeInvocations(parts, request, context),
  };
}
