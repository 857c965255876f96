/** luci.resultdb.v1.ResultDB: reads what was recorded in an invocation, or in all that it reaches. */
import type { ResultDB } from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { getArtifact } from '../artifacts/get-artifact.ts';
import { listArtifactLines } from '../artifacts/list-artifact-lines.ts';
import { listArtifacts } from '../artifacts/list-artifacts.ts';
import { queryArtifacts } from '../artifacts/query-artifacts.ts';
import type { ServiceMethods } from '../shared/service-methods.ts';
import { getInstruction } from './get-instruction.ts';
import { getInvocation } from './get-invocation.ts';
import { getTestExoneration } from './get-test-exoneration.ts';
import { getTestResult } from './get-test-result.ts';
import { listTestExonerations } from './list-test-exonerations.ts';
import { listTestResults } from './list-test-results.ts';
import type { ResultDbParts } from './parts.ts';
import { queryRootInvocationNames } from './query-root-invocation-names.ts';
import { queryTestExonerations } from './query-test-exonerations.ts';
import { queryTestResultStatistics } from './query-test-result-statistics.ts';
import { queryTestResults } from './query-test-results.ts';

export function createResultDb(parts: ResultDbParts): ServiceMethods<typeof ResultDB> {
  return {
    getInvocation: (request, context) => getInvocation(parts, request, context),
    getInstruction: (request, context) => getInstruction(parts, request, context),
    getTestResult: (request, context) => getTestResult(parts, request, context),
    listTestResults: (request, context) => listTestResults(parts, request, context),
    getTestExoneration: (request, context) => getTestExoneration(parts, request, context),
    listTestExonerations: (request, context) => listTestExonerations(parts, request, context),
    queryTestResults: (request, context) => queryTestResults(parts, request, context),
    queryTestExonerations: (request, context) => queryTestExonerations(parts, request, context),
    queryTestResultStatistics: (request, context) =>
      queryTestResultStatistics(parts, request, context),
    queryRootInvocationNames: (request, context) =>
      queryRootInvocationNames(parts, request, context),
    getArtifact: (request, context) => getArtifact(parts, request, context),
    listArtifacts: (request, context) => listArtifacts(parts, request, context),
    queryArtifacts: (request, context) => queryArtifacts(parts, request, context),
    listArtifactLines: (request, context) => listArtifactLines(parts, request, context),
  };
}
