/** Adapters of LUCI speak to ResultSink in binary, so its names and numbers are LUCI's. */
import { expect, test } from 'vitest';
import * as sink from '../../src/gen/luci/resultsink/v1/sink_pb.js';
import { TestExonerationSchema } from '../../src/gen/luci/resultsink/v1/test_exoneration_pb.js';
import * as results from '../../src/gen/luci/resultsink/v1/test_result_pb.js';

test.each([
  [sink.InvocationSchema, 'extended_properties 1'],
  [sink.ReportInvocationLevelArtifactsRequestSchema, 'artifacts 1'],
  [sink.ReportTestExonerationsRequestSchema, 'test_exonerations 1'],
  [sink.ReportTestExonerationsResponseSchema, 'test_exoneration_names 1'],
  [sink.ReportTestResultsRequestSchema, 'test_results 1'],
  [sink.ReportTestResultsResponseSchema, 'test_result_names 1'],
  [sink.UpdateInvocationRequestSchema, 'invocation 1, update_mask 2'],
  [results.ArtifactSchema, 'file_path 1, contents 2, gcs_uri 4, content_type 3'],
  [results.TestIdentifierSchema, 'coarse_name 1, fine_name 2, case_name_components 3'],
  [
    results.TestResultSchema,
    'test_id_structured 15, test_id 1, result_id 2, expected 3, status 4, status_v2 16, ' +
      'summary_html 5, start_time 6, duration 7, tags 8, artifacts 9, test_metadata 11, ' +
      'failure_reason 12, variant 13, properties 14, skipped_reason 21, framework_extensions 22',
  ],
  [
    TestExonerationSchema,
    'test_id_structured 1, test_id 2, variant 3, explanation_html 4, reason 5',
  ],
])('%s keeps its fields', (schema, fields) => {
  expect(schema.fields.map(({ name, number }) => `${name} ${number}`).join(', ')).toBe(fields);
});

test('the service keeps its name and methods', () => {
  expect(sink.Sink.typeName).toBe('luci.resultsink.v1.Sink');
  const methods = sink.Sink.methods.map(({ input, name, output }) => [
    name,
    input.name,
    output.typeName,
  ]);
  expect(methods).toEqual([
    [
      'ReportTestResults',
      'ReportTestResultsRequest',
      'luci.resultsink.v1.ReportTestResultsResponse',
    ],
    [
      'ReportInvocationLevelArtifacts',
      'ReportInvocationLevelArtifactsRequest',
      'google.protobuf.Empty',
    ],
    ['UpdateInvocation', 'UpdateInvocationRequest', 'luci.resultsink.v1.Invocation'],
    [
      'ReportTestExonerations',
      'ReportTestExonerationsRequest',
      'luci.resultsink.v1.ReportTestExonerationsResponse',
    ],
  ]);
});
