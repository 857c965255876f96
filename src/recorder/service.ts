/** luci.resultdb.v1.Recorder, and the half of postlude.v1.Invocations that writes. */
import type { Recorder } from '../gen/luci/resultdb/v1/recorder_pb.js';
import type { Invocations } from '../gen/postlude/v1/invocations_pb.js';
import type { ServiceMethods } from '../rpc/service-methods.ts';
import { batchCreateInvocations } from './batch-create-invocations.ts';
import { batchCreateTestExonerations } from './batch-create-test-exonerations.ts';
import { batchCreateTestResults } from './batch-create-test-results.ts';
import { createInvocation } from './create-invocation.ts';
import { createTestExoneration } from './create-test-exoneration.ts';
import { createTestResult } from './create-test-result.ts';
import { endInvocation } from './end-invocation.ts';
import { finalizeInvocation } from './finalize-invocation.ts';
import { keepInvocationAlive } from './keep-invocation-alive.ts';
import { openInvocation } from './open-invocation.ts';
import type { RecorderParts } from './parts.ts';
import { updateIncludedInvocations } from './update-included-invocations.ts';
import { updateInvocation } from './update-invocation.ts';

export type RecorderMethods = ServiceMethods<typeof Recorder>;

export function createRecorder(parts: RecorderParts): RecorderMethods {
  return {
    createInvocation: (request, context) => createInvocation(parts, request, context),
    batchCreateInvocations: (request, context) => batchCreateInvocations(parts, request, context),
    updateInvocation: (request, context) => updateInvocation(parts, request, context),
    finalizeInvocation: (request, context) => finalizeInvocation(parts, request, context),
    updateIncludedInvocations: (request, context) =>
      updateIncludedInvocations(parts, request, context),
    createTestResult: (request, context) => createTestResult(parts, request, context),
    batchCreateTestResults: (request, context) => batchCreateTestResults(parts, request, context),
    createTestExoneration: (request, context) => createTestExoneration(parts, request, context),
    batchCreateTestExonerations: (request, context) =>
      batchCreateTestExonerations(parts, request, context),
  };
}

export function createInvocationsWriting(
  parts: RecorderParts,
): Pick<
  ServiceMethods<typeof Invocations>,
  'openInvocation' | 'keepInvocationAlive' | 'endInvocation'
> {
  return {
    openInvocation: (request, context) => openInvocation(parts, request, context),
    keepInvocationAlive: (request, context) => keepInvocationAlive(parts, request, context),
    endInvocation: (request, context) => endInvocation(parts, request, context),
  };
}
