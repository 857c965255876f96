/**
 * The wire form of luci.resultdb.v1: the numbers, names and types of its fields. They must never
 * change, since clients built from other copies of these messages depend on them.
 */
import { create, type DescMessage, fromBinary, toBinary, toJson } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import {
  ArtifactLine_SeveritySchema,
  ArtifactLineSchema,
  ArtifactSchema,
} from '../../src/gen/luci/resultdb/v1/artifact_pb.js';
import {
  CommitPositionSchema,
  ModuleIdentifierSchema,
  StringPairSchema,
  TestIdentifierSchema,
  VariantSchema,
} from '../../src/gen/luci/resultdb/v1/common_pb.js';
import {
  FailureReason_ErrorSchema,
  FailureReason_KindSchema,
  FailureReasonSchema,
} from '../../src/gen/luci/resultdb/v1/failure_reason_pb.js';
import * as instructions from '../../src/gen/luci/resultdb/v1/instruction_pb.js';
import {
  BigQueryExport_TestResultsSchema,
  BigQueryExportSchema,
  HistoryOptionsSchema,
  Invocation_State,
  Invocation_StateSchema,
  InvocationSchema,
} from '../../src/gen/luci/resultdb/v1/invocation_pb.js';
import {
  ArtifactPredicate_ArtifactKindSchema,
  ArtifactPredicate_EdgeTypeSetSchema,
  ArtifactPredicateSchema,
  TestExonerationPredicateSchema,
  TestResultPredicate_ExpectancySchema,
  TestResultPredicateSchema,
  VariantPredicateSchema,
} from '../../src/gen/luci/resultdb/v1/predicate_pb.js';
import * as recorder from '../../src/gen/luci/resultdb/v1/recorder_pb.js';
import * as resultdb from '../../src/gen/luci/resultdb/v1/resultdb_pb.js';
import * as schemas from '../../src/gen/luci/resultdb/v1/schema_pb.js';
import * as sources from '../../src/gen/luci/resultdb/v1/source_pb.js';
import * as metadata from '../../src/gen/luci/resultdb/v1/test_metadata_pb.js';
import {
  TestLocationSchema,
  TestMetadataSchema,
} from '../../src/gen/luci/resultdb/v1/test_metadata_pb.js';
import {
  ExonerationReasonSchema,
  FrameworkExtensionsSchema,
  SkippedReason_KindSchema,
  SkippedReasonSchema,
  SkipReasonSchema,
  TestExonerationSchema,
  TestResult_StatusSchema,
  TestResultSchema,
  TestStatus,
  TestStatusSchema,
  WebTest_StatusSchema,
  WebTestSchema,
} from '../../src/gen/luci/resultdb/v1/test_result_pb.js';

const FIELDS: readonly (readonly [DescMessage, string])[] = [
  [StringPairSchema, 'key 1, value 2'],
  [VariantSchema, 'def 1'],
  [
    TestIdentifierSchema,
    'module_name 1, module_scheme 2, module_variant 3, module_variant_hash 4, coarse_name 5, ' +
      'fine_name 6, case_name 7',
  ],
  [
    ModuleIdentifierSchema,
    'module_name 1, module_scheme 2, module_variant 3, module_variant_hash 4',
  ],
  [schemas.GetSchemaRequestSchema, 'name 1'],
  [schemas.GetSchemeRequestSchema, 'name 1'],
  [schemas.SchemaSchema, 'name 1, schemes 2'],
  [schemas.SchemeSchema, 'name 1, id 2, human_readable_name 3, coarse 4, fine 5, case 6'],
  [schemas.Scheme_LevelSchema, 'human_readable_name 1, validation_regexp 2'],
  [CommitPositionSchema, 'host 1, project 2, ref 3, position 4'],
  [
    InvocationSchema,
    'name 1, state 2, create_time 4, tags 5, finalize_start_time 19, finalize_time 6, deadline 7, ' +
      'included_invocations 8, bigquery_exports 9, created_by 10, producer_resource 11, ' +
      'realm 12, history_options 13, properties 14, source_spec 15, is_source_spec_final 20, ' +
      'baseline_id 16, is_export_root 21, extended_properties 22, instructions 23, ' +
      'TestResultVariantUnion 24, module_id 25',
  ],
  [HistoryOptionsSchema, 'use_invocation_timestamp 1, commit 2'],
  [BigQueryExportSchema, 'project 1, dataset 2, table 3, test_results 4, text_artifacts 6'],
  [BigQueryExport_TestResultsSchema, 'predicate 1'],
  [
    TestResultSchema,
    'name 1, test_id_structured 19, test_id 2, result_id 3, variant 4, expected 5, status 6, ' +
      'summary_html 7, start_time 8, duration 9, tags 10, test_location 11, variant_hash 12, test_metadata 13, ' +
      'failure_reason 14, properties 15, is_masked 16, skip_reason 18, status_v2 20, ' +
      'skipped_reason 21, framework_extensions 22',
  ],
  [SkippedReasonSchema, 'kind 1, reason_message 2, trace 3'],
  [FrameworkExtensionsSchema, 'web_test 1'],
  [WebTestSchema, 'is_expected 1, status 2'],
  [
    TestMetadataSchema,
    'name 1, location 2, bug_component 3, properties_schema 4, properties 5, previous_test_id 6',
  ],
  [metadata.BugComponentSchema, 'issue_tracker 1, monorail 2'],
  [metadata.IssueTrackerComponentSchema, 'component_id 1'],
  [metadata.MonorailComponentSchema, 'project 1, value 2'],
  [sources.SourceSpecSchema, 'sources 1, inherit 2'],
  [sources.SourcesSchema, 'gitiles_commit 1, submitted_android_build 4, changelists 2, is_dirty 3'],
  [sources.GitilesCommitSchema, 'host 1, project 2, ref 3, commit_hash 4, position 5'],
  [sources.GerritChangeSchema, 'host 1, project 2, change 3, patchset 4'],
  [sources.SubmittedAndroidBuildSchema, 'data_realm 1, branch 2, build_id 3'],
  [instructions.InstructionsSchema, 'instructions 1'],
  [
    instructions.InstructionSchema,
    'id 1, type 2, targeted_instructions 3, instruction_filter 4, name 5, descriptive_name 6',
  ],
  [instructions.TargetedInstructionSchema, 'targets 1, dependencies 2, content 3'],
  [instructions.InstructionDependencySchema, 'invocation_id 1, instruction_id 2'],
  [instructions.InstructionFilterSchema, 'invocation_ids 1'],
  [instructions.InstructionFilterByInvocationIDSchema, 'invocation_ids 1, recursive 2'],
  [FailureReasonSchema, 'kind 4, primary_error_message 1, errors 2, truncated_errors_count 3'],
  [FailureReason_ErrorSchema, 'message 1, trace 2'],
  [TestLocationSchema, 'repo 1, file_name 2, line 3'],
  [
    TestExonerationSchema,
    'name 1, test_id_structured 9, test_id 2, variant 3, exoneration_id 4, explanation_html 5, variant_hash 6, ' +
      'reason 7, is_masked 8',
  ],
  [TestResultPredicateSchema, 'test_id_regexp 1, variant 2, expectancy 3, exclude_exonerated 4'],
  [TestExonerationPredicateSchema, 'test_id_regexp 1, variant 2'],
  [VariantPredicateSchema, 'equals 1, contains 2'],
  [recorder.CreateInvocationRequestSchema, 'invocation_id 1, invocation 2, request_id 3'],
  [recorder.BatchCreateInvocationsRequestSchema, 'requests 1, request_id 2'],
  [recorder.BatchCreateInvocationsResponseSchema, 'invocations 1, update_tokens 2'],
  [recorder.UpdateInvocationRequestSchema, 'invocation 1, update_mask 2'],
  [recorder.FinalizeInvocationRequestSchema, 'name 1'],
  [
    recorder.UpdateIncludedInvocationsRequestSchema,
    'including_invocation 1, add_invocations 2, remove_invocations 3',
  ],
  [recorder.CreateTestResultRequestSchema, 'invocation 1, test_result 2, request_id 3'],
  [recorder.BatchCreateTestResultsRequestSchema, 'invocation 1, requests 2, request_id 3'],
  [recorder.BatchCreateTestResultsResponseSchema, 'test_results 1'],
  [recorder.CreateTestExonerationRequestSchema, 'invocation 1, test_exoneration 2, request_id 3'],
  [recorder.BatchCreateTestExonerationsRequestSchema, 'invocation 1, requests 2, request_id 3'],
  [recorder.BatchCreateTestExonerationsResponseSchema, 'test_exonerations 1'],
  [
    ArtifactSchema,
    'name 1, test_id_structured 12, test_id 13, result_id 14, artifact_id 2, fetch_url 3, ' +
      'fetch_url_expiration 4, content_type 5, size_bytes 6, contents 7, gcs_uri 8, ' +
      'test_status 9, has_lines 11, rbe_uri 15, artifact_type 16',
  ],
  [recorder.CreateArtifactRequestSchema, 'parent 1, artifact 2, request_id 3'],
  [recorder.BatchCreateArtifactsRequestSchema, 'parent 3, requests 2, request_id 4'],
  [recorder.BatchCreateArtifactsResponseSchema, 'artifacts 1'],
  [resultdb.GetArtifactRequestSchema, 'name 1'],
  [resultdb.ListArtifactsRequestSchema, 'parent 1, page_size 2, page_token 3, read_mask 4'],
  [resultdb.ListArtifactsResponseSchema, 'artifacts 1, next_page_token 2'],
  [
    resultdb.QueryArtifactsRequestSchema,
    'invocations 1, parent 8, predicate 2, page_size 4, page_token 5, read_mask 6',
  ],
  [resultdb.QueryArtifactsResponseSchema, 'artifacts 1, next_page_token 2'],
  [resultdb.ListArtifactLinesRequestSchema, 'parent 1, page_size 2'],
  [resultdb.ListArtifactLinesResponseSchema, 'lines 1'],
  [ArtifactLineSchema, 'number 1, timestamp 2, severity 3, content 4'],
  [
    ArtifactPredicateSchema,
    'follow_edges 1, artifact_kind 7, work_units 8, test_result_predicate 2, ' +
      'content_type_regexp 3, artifact_id_regexp 4, artifact_type_regexp 5',
  ],
  [ArtifactPredicate_EdgeTypeSetSchema, 'included_invocations 1, test_results 2'],
  [resultdb.GetInvocationRequestSchema, 'name 1'],
  [resultdb.QueryTestResultStatisticsRequestSchema, 'invocations 1'],
  [resultdb.QueryTestResultStatisticsResponseSchema, 'total_test_results 1'],
  [resultdb.QueryRootInvocationNamesRequestSchema, 'name 1'],
  [resultdb.QueryRootInvocationNamesResponseSchema, 'root_invocation_names 1'],
  [resultdb.GetInstructionRequestSchema, 'name 1'],
  [resultdb.GetTestResultRequestSchema, 'name 1'],
  [resultdb.GetTestExonerationRequestSchema, 'name 1'],
  [resultdb.ListTestResultsRequestSchema, 'invocation 1, page_size 2, page_token 3, read_mask 4'],
  [resultdb.ListTestResultsResponseSchema, 'test_results 1, next_page_token 2'],
  [resultdb.ListTestExonerationsRequestSchema, 'invocation 1, page_size 2, page_token 3'],
  [resultdb.ListTestExonerationsResponseSchema, 'test_exonerations 1, next_page_token 2'],
  [
    resultdb.QueryTestResultsRequestSchema,
    'invocations 1, predicate 2, max_staleness 3, page_size 4, page_token 5, read_mask 6',
  ],
  [resultdb.QueryTestResultsResponseSchema, 'test_results 1, next_page_token 2'],
  [
    resultdb.QueryTestExonerationsRequestSchema,
    'invocations 1, predicate 2, max_staleness 3, page_size 4, page_token 5',
  ],
  [resultdb.QueryTestExonerationsResponseSchema, 'test_exonerations 1, next_page_token 2'],
];

test.each(FIELDS)('%s keeps its fields', (schema, fields) => {
  expect(schema.fields.map(({ name, number }) => `${name} ${number}`).join(', ')).toBe(fields);
});

test.each([
  [Invocation_StateSchema, 'STATE_UNSPECIFIED 0, ACTIVE 1, FINALIZING 2, FINALIZED 3'],
  [TestStatusSchema, 'STATUS_UNSPECIFIED 0, PASS 1, FAIL 2, CRASH 3, ABORT 4, SKIP 5'],
  [
    TestResult_StatusSchema,
    'STATUS_UNSPECIFIED 0, PASSED 1, FAILED 2, SKIPPED 3, EXECUTION_ERRORED 4, PRECLUDED 5',
  ],
  [ArtifactPredicate_ArtifactKindSchema, 'ARTIFACT_KIND_UNSPECIFIED 0, WORK_UNIT 1'],
  [
    ArtifactLine_SeveritySchema,
    'SEVERITY_UNSPECIFIED 0, VERBOSE 10, TRACE 20, DEBUG 30, INFO 40, NOTICE 50, WARNING 60, ' +
      'ERROR 70, CRITICAL 80, FATAL 90',
  ],
  [FailureReason_KindSchema, 'KIND_UNSPECIFIED 0, ORDINARY 1, CRASH 2, TIMEOUT 3'],
  [
    ExonerationReasonSchema,
    'EXONERATION_REASON_UNSPECIFIED 0, OCCURS_ON_MAINLINE 1, OCCURS_ON_OTHER_CLS 2, ' +
      'NOT_CRITICAL 3, UNEXPECTED_PASS 4',
  ],
  [SkipReasonSchema, 'SKIP_REASON_UNSPECIFIED 0, AUTOMATICALLY_DISABLED_FOR_FLAKINESS 1'],
  [
    SkippedReason_KindSchema,
    'KIND_UNSPECIFIED 0, DISABLED_AT_DECLARATION 1, SKIPPED_BY_TEST_BODY 2, DEMOTED 3, OTHER 4',
  ],
  [WebTest_StatusSchema, 'STATUS_UNSPECIFIED 0, PASS 1, FAIL 2, CRASH 3, TIMEOUT 4, SKIP 5'],
  [
    TestResultPredicate_ExpectancySchema,
    'ALL 0, VARIANTS_WITH_UNEXPECTED_RESULTS 1, VARIANTS_WITH_ONLY_UNEXPECTED_RESULTS 2',
  ],
])('%s keeps its values', (schema, values) => {
  expect(schema.values.map(({ name, number }) => `${name} ${number}`).join(', ')).toBe(values);
});

test('the services keep their names and methods', () => {
  expect(recorder.Recorder.typeName).toBe('luci.resultdb.v1.Recorder');
  expect(resultdb.ResultDB.typeName).toBe('luci.resultdb.v1.ResultDB');
  expect(
    [...recorder.Recorder.methods, ...resultdb.ResultDB.methods].map(
      ({ name, input, output }) => `${name}(${input.name}): ${output.name}`,
    ),
  ).toMatchInlineSnapshot(`
    [
      "CreateInvocation(CreateInvocationRequest): Invocation",
      "BatchCreateInvocations(BatchCreateInvocationsRequest): BatchCreateInvocationsResponse",
      "UpdateInvocation(UpdateInvocationRequest): Invocation",
      "FinalizeInvocation(FinalizeInvocationRequest): Invocation",
      "UpdateIncludedInvocations(UpdateIncludedInvocationsRequest): Empty",
      "CreateTestResult(CreateTestResultRequest): TestResult",
      "BatchCreateTestResults(BatchCreateTestResultsRequest): BatchCreateTestResultsResponse",
      "CreateTestExoneration(CreateTestExonerationRequest): TestExoneration",
      "BatchCreateTestExonerations(BatchCreateTestExonerationsRequest): BatchCreateTestExonerationsResponse",
      "BatchCreateArtifacts(BatchCreateArtifactsRequest): BatchCreateArtifactsResponse",
      "GetInvocation(GetInvocationRequest): Invocation",
      "GetTestResult(GetTestResultRequest): TestResult",
      "ListTestResults(ListTestResultsRequest): ListTestResultsResponse",
      "GetTestExoneration(GetTestExonerationRequest): TestExoneration",
      "ListTestExonerations(ListTestExonerationsRequest): ListTestExonerationsResponse",
      "QueryTestResults(QueryTestResultsRequest): QueryTestResultsResponse",
      "QueryTestExonerations(QueryTestExonerationsRequest): QueryTestExonerationsResponse",
      "QueryTestResultStatistics(QueryTestResultStatisticsRequest): QueryTestResultStatisticsResponse",
      "QueryRootInvocationNames(QueryRootInvocationNamesRequest): QueryRootInvocationNamesResponse",
      "GetInstruction(GetInstructionRequest): Instruction",
      "GetArtifact(GetArtifactRequest): Artifact",
      "ListArtifacts(ListArtifactsRequest): ListArtifactsResponse",
      "QueryArtifacts(QueryArtifactsRequest): QueryArtifactsResponse",
      "ListArtifactLines(ListArtifactLinesRequest): ListArtifactLinesResponse",
    ]
  `);
});

const INVOCATION_BYTES =
  '0a0f' + // name, 15 bytes
  Buffer.from('invocations/u-a').toString('hex') +
  '1002' + // state FINALIZING
  '22060880a0b7fb05' + // create_time {seconds 1601032192}
  '2a060a016b120176' + // tags {key k, value v}
  '420f' + // included_invocations
  Buffer.from('invocations/u-b').toString('hex') +
  '4a0b0a01701201641a01742200' + // bigquery_exports {p, d, t, test_results {}}
  '6203613a62' + // realm a:b
  '6a020801'; // history_options {use_invocation_timestamp}

test('the known bytes of an invocation are read field by field, and written unchanged', () => {
  const invocation = fromBinary(InvocationSchema, Buffer.from(INVOCATION_BYTES, 'hex'));
  expect(toJson(InvocationSchema, invocation)).toEqual({
    name: 'invocations/u-a',
    state: 'FINALIZING',
    createTime: '2020-09-25T11:09:52Z',
    tags: [{ key: 'k', value: 'v' }],
    includedInvocations: ['invocations/u-b'],
    bigqueryExports: [{ project: 'p', dataset: 'd', table: 't', testResults: {} }],
    realm: 'a:b',
    historyOptions: { useInvocationTimestamp: true },
  });
  expect(Buffer.from(toBinary(InvocationSchema, invocation)).toString('hex')).toBe(
    INVOCATION_BYTES,
  );
});

test('a test result is written as the known bytes', () => {
  const result = create(TestResultSchema, {
    testId: 'a/b',
    resultId: 'r',
    variant: { def: { k: 'v' } },
    expected: true,
    status: TestStatus.FAIL,
    duration: { seconds: 1n, nanos: 5 },
    testMetadata: { location: { line: 7 } },
  });
  expect(Buffer.from(toBinary(TestResultSchema, result)).toString('hex')).toBe(
    '1203612f62' +
      '1a0172' +
      '22080a060a016b120176' +
      '2801' +
      '3002' +
      '4a0408011005' +
      '6a0412021807',
  );
});

test('fields of newer clients are preserved', () => {
  // name "n", and field 900 with the varint 1
  const bytes = Buffer.from('0a016ea03801', 'hex');
  const invocation = fromBinary(InvocationSchema, bytes);
  expect(invocation).toMatchObject({ name: 'n', state: Invocation_State.STATE_UNSPECIFIED });
});
