/** Converts test results and exonerations to the messages of the API. */
import { create, fromBinary, type MessageInitShape } from '@bufbuild/protobuf';
import type { TestIdentifierSchema } from '../../gen/luci/resultdb/v1/common_pb.js';
import {
  TestLocationSchema,
  TestMetadataSchema,
} from '../../gen/luci/resultdb/v1/test_metadata_pb.js';
import {
  type TestExoneration as TestExonerationMessage,
  TestExonerationSchema,
  type TestResult as TestResultMessage,
  TestResultSchema,
  TestStatus,
} from '../../gen/luci/resultdb/v1/test_result_pb.js';
import type { TestExoneration } from '../../results/exoneration.ts';
import { structuredIdOf } from '../../results/identity/structured-id.ts';
import { readOutcome } from '../../results/outcome/stored-outcome.ts';
import type { TestResult } from '../../results/test-result.ts';
import { exonerationName, testResultName } from './result-name.ts';
import { toDuration, toTimestamp } from './timestamp.ts';

export function toTestResultMessage(result: TestResult): TestResultMessage {
  const { durationMicros, startTime, testLocation, testMetadata } = result;
  return create(TestResultSchema, {
    name: testResultName(result),
    testIdStructured: toTestIdentifier(result),
    testId: result.testId,
    resultId: result.resultId,
    variant: { def: { ...result.variant } },
    variantHash: result.variantHash,
    expected: result.expected,
    status: TestStatus[result.status],
    summaryHtml: result.summaryHtml,
    ...(startTime === undefined ? {} : { startTime: toTimestamp(startTime) }),
    ...(durationMicros === undefined ? {} : { duration: toDuration(durationMicros) }),
    tags: result.tags.map(({ key, value }) => ({ key, value })),
    ...(testLocation && { testLocation: fromBinary(TestLocationSchema, testLocation) }),
    ...(testMetadata && { testMetadata: fromBinary(TestMetadataSchema, testMetadata) }),
    ...readOutcome(result),
  });
}

export function toExonerationMessage(exoneration: TestExoneration): TestExonerationMessage {
  return create(TestExonerationSchema, {
    name: exonerationName(exoneration),
    testIdStructured: toTestIdentifier(exoneration),
    testId: exoneration.testId,
    exonerationId: exoneration.exonerationId,
    variant: { def: { ...exoneration.variant } },
    variantHash: exoneration.variantHash,
    explanationHtml: exoneration.explanationHtml,
    reason: exoneration.reason,
  });
}

/** Computes the structured form of an id, which no row stores. */
function toTestIdentifier({
  testId,
  variant,
  variantHash,
}: Pick<TestResult, 'testId' | 'variant' | 'variantHash'>): MessageInitShape<
  typeof TestIdentifierSchema
> {
  return {
    ...structuredIdOf(testId),
    moduleVariant: { def: { ...variant } },
    moduleVariantHash: variantHash,
  };
}
