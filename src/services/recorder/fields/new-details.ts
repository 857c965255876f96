/** Checks the fields of a new invocation that have no column of their own, and returns their columns. */
import { create } from '@bufbuild/protobuf';
import { type Invocation, InvocationSchema } from '../../../gen/luci/resultdb/v1/invocation_pb.js';
import { encodeFields } from '../../../invocations/fields/stored-fields.ts';
import type { NewInvocation } from '../../../invocations/invocation.ts';
import type { Schemes } from '../../../results/identity/schemes.ts';
import { inField, invalid } from '../../shared/field.ts';
import { checkExtendedProperties, checkInstructions } from './extended-fields.ts';
import { checkModuleId } from './module-id.ts';
import { checkSourceSpec } from './source-spec.ts';

const BASELINE_PATTERN = /^[a-z0-9\-_.]{1,100}:[a-zA-Z0-9\-_.() ]{1,128}$/;

/** Throws `invalid-argument`. */
export function checkNewDetails(
  invocation: Invocation,
  schemes: Schemes,
): Required<Pick<NewInvocation, 'details' | 'extended'>> {
  const { baselineId, isExportRoot, isSourceSpecFinal } = invocation;
  const moduleId = inField(
    'module_id',
    () => invocation.moduleId && checkModuleId(invocation.moduleId, schemes),
  );
  const sourceSpec = inField('source_spec', () => checkSourceSpec(invocation.sourceSpec));
  inField('baseline_id', () => checkBaselineId(baselineId));
  const instructions = inField('instructions', () => checkInstructions(invocation.instructions));
  const extendedProperties = inField('extended_properties', () =>
    checkExtendedProperties(invocation.extendedProperties),
  );
  const details = create(InvocationSchema, { baselineId, isExportRoot, isSourceSpecFinal });
  if (moduleId) details.moduleId = moduleId;
  if (sourceSpec) details.sourceSpec = sourceSpec;
  const extended = create(InvocationSchema, { extendedProperties });
  if (instructions) extended.instructions = instructions;
  return { details: encodeFields(details), extended: encodeFields(extended) };
}

/** Returns it as it is; it may be empty. */
export function checkBaselineId(id: string): string {
  if (id === '' || BASELINE_PATTERN.test(id)) return id;
  throw invalid(`does not match pattern ${JSON.stringify(BASELINE_PATTERN.source)}`);
}
