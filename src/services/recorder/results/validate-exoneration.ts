/** Checks the content of exonerations. The texts of the errors are ResultDB's. */
import {
  ExonerationReason,
  type TestExoneration,
} from '../../../gen/luci/resultdb/v1/test_result_pb.js';
import type { NewTestExoneration } from '../../../results/exoneration.ts';
import type { Schemes } from '../../../results/identity/schemes.ts';
import { MAX_HTML_BYTES } from '../../../results/limits.ts';
import { type Variant, variantHash } from '../../../results/variant.ts';
import { inField, invalid, requireText } from '../../shared/field.ts';
import { checkIdentity } from './validate-identity.ts';

const HASH_PATTERN = /^[0-9a-f]{16}$/;
/** Reasons that are newer than this server are kept, as far as a column can hold their numbers. */
const MAX_REASON = 2 ** 15 - 1;

/** Returns the record of an exoneration without its id. Throws `invalid-argument`. */
export function checkTestExoneration(
  exoneration: TestExoneration,
  schemes: Schemes,
): Omit<NewTestExoneration, 'exonerationId'> {
  const identity = checkIdentity(exoneration, schemes);
  const isStructured = exoneration.testIdStructured !== undefined;
  return {
    ...identity,
    variantHash: isStructured ? undefined : checkHash(exoneration, identity.variant),
    explanationHtml: inField('explanation_html', () => checkHtml(exoneration.explanationHtml)),
    reason: inField('reason', () => checkReason(exoneration.reason)),
  };
}

/** Returns the hash of a variant that the client does not tell. */
function checkHash({ variantHash: given }: TestExoneration, variant: Variant): string | undefined {
  if (given === '') return undefined;
  if (Object.keys(variant).length > 0 && given !== variantHash(variant)) {
    throw invalid("computed and supplied variant hash don't match");
  }
  if (!HASH_PATTERN.test(given)) {
    throw invalid(`variant_hash: variant hash ${given} must match ${HASH_PATTERN.source}`);
  }
  return given;
}

function checkHtml(html: string): string {
  if (html === '') throw invalid('unspecified');
  return requireText(html, MAX_HTML_BYTES);
}

function checkReason(reason: ExonerationReason): number {
  if (reason === ExonerationReason.EXONERATION_REASON_UNSPECIFIED) throw invalid('unspecified');
  if (reason < 0 || reason > MAX_REASON) throw invalid(`invalid value ${reason}`);
  return reason;
}
