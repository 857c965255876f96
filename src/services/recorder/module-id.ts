/** Checks of modules: of the one that an invocation has, and of those that ids of tests name. */
import type { TestIdentifier } from '../../gen/luci/resultdb/v1/common_pb.js';
import { type Variant, variantHash } from '../../results/variant.ts';
import { checkVariant } from '../shared/check-pairs.ts';
import { inField, invalid } from '../shared/field.ts';

/** Throws `invalid-argument`. */
export function checkModuleVariant({
  moduleVariant,
  moduleVariantHash,
}: Pick<TestIdentifier, 'moduleVariant' | 'moduleVariantHash'>): Variant {
  const variant = inField('module_variant', () => {
    if (moduleVariant === undefined) throw invalid('unspecified');
    return checkVariant(moduleVariant);
  });
  const hash = variantHash(variant);
  if (moduleVariantHash !== '' && moduleVariantHash !== hash) {
    throw invalid(
      `module_variant_hash: expected ${hash} (to match module_variant) or for value to be unset`,
    );
  }
  return variant;
}
