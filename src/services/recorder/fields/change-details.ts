/** Changes the fields that share a column, within the rules that depend on what is stored. */
import { equals } from '@bufbuild/protobuf';
import type { Invocation } from '../../../gen/luci/resultdb/v1/invocation_pb.js';
import { type SourceSpec, SourceSpecSchema } from '../../../gen/luci/resultdb/v1/source_pb.js';
import { decodeFields, encodeFields } from '../../../invocations/fields/stored-fields.ts';
import type { InvocationChanges } from '../../../invocations/invocation.ts';
import { invalid } from '../../shared/field.ts';
import type { CheckedFields } from './checked-fields.ts';
import { isSameModule } from './module-id.ts';

/** Throws `invalid-argument` if something must not change any more. */
export function changeDetails(
  stored: Uint8Array | undefined,
  fields: CheckedFields,
): Pick<InvocationChanges, 'details'> {
  const details = decodeFields(stored);
  if ('moduleId' in fields) setModule(details, fields.moduleId);
  if ('sourceSpec' in fields) setSources(details, fields.sourceSpec);
  if (fields.isSourceSpecFinal === false && details.isSourceSpecFinal) {
    throw invalid('is_source_spec_final: cannot unfinalize already finalized sources');
  }
  details.isSourceSpecFinal ||= fields.isSourceSpecFinal ?? false;
  details.baselineId = fields.baselineId ?? details.baselineId;
  return { details: encodeFields(details) };
}

function setModule(details: Invocation, given: Invocation['moduleId']): void {
  const { moduleId } = details;
  const isSame = moduleId && given ? isSameModule(moduleId, given) : moduleId === given;
  if (moduleId !== undefined && !isSame) {
    throw invalid(
      'module_id: cannot modify module_id once set (do you need to create a child invocation?)',
    );
  }
  if (given !== undefined) details.moduleId = given;
}

function setSources(details: Invocation, given: SourceSpec | undefined): void {
  const { sourceSpec } = details;
  const isSame =
    sourceSpec && given ? equals(SourceSpecSchema, sourceSpec, given) : sourceSpec === given;
  if (details.isSourceSpecFinal && !isSame) {
    throw invalid('source_spec: cannot modify already finalized sources');
  }
  if (given === undefined) delete details.sourceSpec;
  else details.sourceSpec = given;
}
