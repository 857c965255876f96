/**
 * Checks which test a result or an exoneration is of. Clients send the parts of its id, or its flat form with
 * a variant, which older clients leave out if it is empty. The texts of the errors are ResultDB's.
 */
import type {
  TestIdentifier,
  Variant as VariantMessage,
} from '../../../gen/luci/resultdb/v1/common_pb.js';
import { checkStructuredId, checkTestId } from '../../../results/identity/check-id.ts';
import type { Schemes } from '../../../results/identity/schemes.ts';
import { formatFlatId, parseFlatId } from '../../../results/identity/structured-id.ts';
import type { Variant } from '../../../results/variant.ts';
import { checkVariant } from '../../shared/check-pairs.ts';
import { inField, invalid } from '../../shared/field.ts';
import { checkModuleVariant } from '../fields/module-id.ts';

export interface GivenIdentity {
  readonly testIdStructured?: TestIdentifier | undefined;
  readonly testId: string;
  readonly variant?: VariantMessage | undefined;
}

export interface Identity {
  readonly testId: string;
  readonly variant: Variant;
}

/** Throws `invalid-argument`. */
export function checkIdentity(given: GivenIdentity, schemes: Schemes): Identity {
  const { testId, testIdStructured } = given;
  if (testIdStructured === undefined && testId !== '') {
    inField('test_id', () => checkTestId(testId));
    const variant = inField('variant', () => checkVariant(given.variant));
    inField('test_id', () => schemes.check(parseFlatId(testId)));
    return { testId, variant };
  }
  return inField('test_id_structured', () => {
    if (testIdStructured === undefined) throw invalid('unspecified');
    checkStructuredId(testIdStructured);
    const variant = checkModuleVariant(testIdStructured);
    schemes.check(testIdStructured);
    return { testId: formatFlatId(testIdStructured), variant };
  });
}
