/** Checks of modules: of the one that an invocation has, and of those that ids of tests name. */
import type { ModuleIdentifier, TestIdentifier } from '../../../gen/luci/resultdb/v1/common_pb.js';
import { checkModule } from '../../../results/identity/check-id.ts';
import type { Schemes } from '../../../results/identity/schemes.ts';
import { LEGACY, structuredIdOf } from '../../../results/identity/structured-id.ts';
import { type Variant, variantHash } from '../../../results/variant.ts';
import { checkVariant } from '../../shared/check-pairs.ts';
import { inField, invalid } from '../../shared/field.ts';

/** Returns it with its hash. Throws `invalid-argument`. */
export function checkModuleId(module: ModuleIdentifier, schemes: Schemes): ModuleIdentifier {
  checkModule(module);
  const variant = checkModuleVariant(module);
  schemes.require(module.moduleScheme);
  return { ...module, moduleVariantHash: variantHash(variant) };
}

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

export function isSameModule(a: ModuleIdentifier, b: ModuleIdentifier): boolean {
  return (
    a.moduleName === b.moduleName &&
    a.moduleScheme === b.moduleScheme &&
    a.moduleVariantHash === b.moduleVariantHash
  );
}

/**
 * Returns why the result of a test does not belong to the module of its invocation; `undefined` if it does.
 */
export function problemOfModule(
  { testId, variant }: { readonly testId: string; readonly variant: Variant },
  module: ModuleIdentifier,
): string | undefined {
  const { moduleName, moduleScheme } = structuredIdOf(testId);
  if (moduleName !== module.moduleName) {
    return mismatch('module_name', moduleName, module.moduleName);
  }
  if (moduleScheme !== module.moduleScheme) {
    return mismatch('module_scheme', moduleScheme, module.moduleScheme);
  }
  // Plain ids may have any variant.
  if (moduleName === LEGACY || variantHash(variant) === module.moduleVariantHash) return undefined;
  return mismatch('module_variant', variant, module.moduleVariant?.def);
}

function mismatch(field: string, got: unknown, want: unknown): string {
  const values = `got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`;
  return `test_id_structured: ${field}: does not match parent invocation module_id.${field}; ${values}`;
}
