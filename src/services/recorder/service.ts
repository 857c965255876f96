/** luci.resultdb.v1.Recorder: creates, changes and finalizes invocations, and records results. */
import type { Recorder } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { batchCreateArtifacts } from '../artifacts/batch-create-artifacts.ts';
import type { ServiceMethods } from '../shared/service-methods.ts';
import { batchCreateInvocations } from './batch-create-invocations.ts';
import { createInvocation } from './create-invocation.ts';
import { finalizeInvocation } from './finalize-invocation.ts';
import type { RecorderParts } from './parts.ts';
import { batchCreateTestExonerations } from './results/batch-create-test-exonerations.ts';
import { batchCreateTestResults } from './results/batch-create-test-results.ts';
import { createTestExoneration } from './results/create-test-exoneration.ts';
import { createTestResult } from './results/create-test-result.ts';
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
    batchCreateArtifacts: (request, context) => batchCreateArtifacts(parts, request, context),
  };
}
