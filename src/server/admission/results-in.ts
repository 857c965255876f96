/** How many test results a request records. */
import { isMessage } from '@bufbuild/protobuf';
import {
  BatchCreateTestResultsRequestSchema,
  CreateTestResultRequestSchema,
} from '../../gen/luci/resultdb/v1/recorder_pb.js';

export function resultsIn(request: unknown): number {
  if (isMessage(request, BatchCreateTestResultsRequestSchema)) return request.requests.length;
  return isMessage(request, CreateTestResultRequestSchema) ? 1 : 0;
}
