/**
 * Turns what an adapter reports into what a server records, and checks it as the server will: an adapter
 * hears at once what is wrong with its results, and none of them makes a server refuse all of a batch.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { EpochMs } from '@postlude/queue/foundations';
import {
  type TestExoneration,
  TestExonerationSchema,
  type TestResult,
  TestResultSchema,
} from '../../gen/luci/resultdb/v1/test_result_pb.js';
import type { TestExoneration as ReportedExoneration } from '../../gen/luci/resultsink/v1/test_exoneration_pb.js';
import type {
  Artifact,
  TestResult as ReportedResult,
} from '../../gen/luci/resultsink/v1/test_result_pb.js';
import { Schemes } from '../../results/identity/schemes.ts';
import type { StructuredId } from '../../results/identity/structured-id.ts';
import { checkTestExoneration } from '../../services/recorder/results/validate-exoneration.ts';
import { checkTestResult } from '../../services/recorder/results/validate-test-result.ts';
import { inField, invalid } from '../../services/shared/field.ts';
import { fromDuration } from '../../services/shared/timestamp.ts';
import type { SinkRules } from './sink-options.ts';

export interface PreparedResult {
  readonly result: TestResult;
  readonly expected: boolean;
}

export interface Preparing {
  readonly rules: SinkRules;
  readonly now: EpochMs;
  /** Returns the id of a result that has none. */
  readonly nextResultId: () => string;
}

/** A server may have more schemes than the usual ones, and checks those itself. */
class UsualSchemes extends Schemes {
  override check(id: StructuredId): void {
    if (this.find(id.moduleScheme) !== undefined) super.check(id);
  }
}

const schemes = new UsualSchemes();

/** Throws `invalid-argument`. */
export function prepareResult(
  reported: ReportedResult,
  { nextResultId, now, rules }: Preparing,
): PreparedResult {
  const { status, statusV2, summaryHtml, expected, startTime, failureReason, properties } =
    reported;
  const { skippedReason, frameworkExtensions, testMetadata } = reported;
  const result = create(TestResultSchema, {
    ...identityOf(reported, rules),
    resultId: reported.resultId === '' ? nextResultId() : reported.resultId,
    expected,
    status,
    statusV2,
    summaryHtml,
    tags: [...reported.tags, ...rules.tags.map(({ key, value }) => ({ key, value }))],
    ...(startTime && { startTime }),
    ...durationOf(reported, rules),
    ...(testMetadata && { testMetadata: { ...testMetadata, previousTestId: '' } }),
    ...(failureReason && { failureReason }),
    ...(properties && { properties }),
    ...(skippedReason && { skippedReason }),
    ...(frameworkExtensions && { frameworkExtensions }),
  });
  const checked = checkTestResult(result, { now, schemes });
  inField('artifacts', () => checkArtifacts(reported.artifacts));
  return { result, expected: checked.expected };
}

/** Throws `invalid-argument`. */
export function prepareExoneration(
  { explanationHtml, reason, ...reported }: ReportedExoneration,
  rules: SinkRules,
): TestExoneration {
  const identity = identityOf(reported, rules);
  const exoneration = create(TestExonerationSchema, { ...identity, explanationHtml, reason });
  checkTestExoneration(exoneration, schemes);
  return exoneration;
}

const ARTIFACT_ID = /^[\w.](?:[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]{0,508}\w)?$/u;

/** Throws `invalid-argument`. */
export function checkArtifacts(artifacts: Readonly<Record<string, Artifact>>): void {
  for (const [id, { body }] of Object.entries(artifacts)) {
    inField(id, () => {
      if (!ARTIFACT_ID.test(id)) throw invalid(`does not match ${ARTIFACT_ID.source}`);
      const isEmptyPath = body.case !== 'contents' && !body.value;
      if (body.case !== undefined && !isEmptyPath) return;
      throw invalid('body: one of file_path or contents or gcs_uri must be provided');
    });
  }
}

type Identity = Pick<
  MessageInitShape<typeof TestResultSchema>,
  'testId' | 'testIdStructured' | 'variant'
>;

function identityOf(
  {
    testId,
    testIdStructured,
    variant,
  }: Pick<ReportedResult, 'testId' | 'testIdStructured' | 'variant'>,
  { module, testIdPrefix, variant: base }: SinkRules,
): Identity {
  if (module === undefined) {
    return { testId: testIdPrefix + testId, variant: { def: { ...base, ...variant?.def } } };
  }
  return inField('test_id_structured', () => {
    if (testIdStructured === undefined) throw invalid('unspecified');
    const { caseNameComponents, coarseName, fineName } = testIdStructured;
    if (caseNameComponents.length === 0) throw invalid('case_name_components: unspecified');
    return {
      testIdStructured: {
        moduleName: module.name,
        moduleScheme: module.scheme,
        moduleVariant: { def: { ...base } },
        coarseName,
        fineName,
        caseName: caseNameComponents.map((each) => each.replaceAll(/[\\:]/g, '\\$&')).join(':'),
      },
    };
  });
}

/** Clocks of machines are set back now and then, and most runners measure with those. */
function durationOf({ duration }: ReportedResult, { coercesNegativeDuration }: SinkRules) {
  if (duration === undefined) return {};
  const isNegative = inField('duration', () => fromDuration(duration)) < 0;
  return { duration: isNegative && coercesNegativeDuration ? durationFromMs(0) : duration };
}
