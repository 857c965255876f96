/** Checks the fields of an invocation that a mask names. */
import type { EpochMs } from '@postlude/queue/foundations';
import type { ModuleIdentifier } from '../../../gen/luci/resultdb/v1/common_pb.js';
import type { Instructions } from '../../../gen/luci/resultdb/v1/instruction_pb.js';
import { type Invocation, Invocation_State } from '../../../gen/luci/resultdb/v1/invocation_pb.js';
import type { SourceSpec } from '../../../gen/luci/resultdb/v1/source_pb.js';
import type { StringPair } from '../../../invocations/string-pair.ts';
import type { Schemes } from '../../../results/identity/schemes.ts';
import { checkTags } from '../../shared/check-pairs.ts';
import { inField, invalid } from '../../shared/field.ts';
import {
  checkDeadline,
  checkExports,
  checkProperties,
  checkRealm,
} from '../validate-invocation.ts';
import { checkExtendedProperties, checkInstructions } from './extended-fields.ts';
import { checkModuleId } from './module-id.ts';
import { checkBaselineId } from './new-details.ts';
import { checkSourceSpec } from './source-spec.ts';
import type { UpdatableField } from './update-mask.ts';

export interface FieldRules {
  readonly now: EpochMs;
  readonly schemes: Schemes;
}

/** A property is missing if the field is not to be changed, and `undefined` if it is to be cleared. */
export interface CheckedFields {
  readonly deadline?: EpochMs;
  readonly moduleId?: ModuleIdentifier | undefined;
  readonly bigqueryExports?: readonly Uint8Array[];
  readonly properties?: Uint8Array | undefined;
  readonly tags?: readonly StringPair[];
  readonly sourceSpec?: SourceSpec | undefined;
  readonly isSourceSpecFinal?: boolean;
  readonly baselineId?: string;
  readonly realm?: string;
  readonly instructions?: Instructions | undefined;
  readonly extendedProperties?: Invocation['extendedProperties'];
  readonly state?: Invocation_State;
}

/** Throws `invalid-argument`. */
export function checkFields(
  invocation: Invocation,
  fields: ReadonlySet<UpdatableField>,
  rules: FieldRules,
): CheckedFields {
  const checks = checksOf(invocation, rules);
  const checked = [...fields].map((field) => [field, checks[field]()] as const);
  return Object.fromEntries(checked);
}

function checksOf(
  invocation: Invocation,
  { now, schemes }: FieldRules,
): Readonly<Record<UpdatableField, () => unknown>> {
  const { deadline, moduleId } = invocation;
  return {
    deadline: () =>
      inField('deadline', () => {
        if (deadline === undefined) throw invalid('timestamp: nil Timestamp');
        return checkDeadline(deadline, now);
      }),
    moduleId: () => inField('module_id', () => moduleId && checkModuleId(moduleId, schemes)),
    bigqueryExports: () => checkExports(invocation.bigqueryExports, 'bigquery_exports'),
    properties: () => inField('properties', () => checkProperties(invocation.properties)),
    tags: () => {
      checkTags('tags', invocation.tags);
      return invocation.tags;
    },
    sourceSpec: () => inField('source_spec', () => checkSourceSpec(invocation.sourceSpec)),
    isSourceSpecFinal: () => invocation.isSourceSpecFinal,
    baselineId: () => inField('baseline_id', () => checkBaselineId(invocation.baselineId)),
    realm: () => inField('realm', () => checkRealm(invocation.realm)),
    instructions: () => inField('instructions', () => checkInstructions(invocation.instructions)),
    extendedProperties: () =>
      inField('extended_properties', () => checkExtendedProperties(invocation.extendedProperties)),
    state: () => inField('state', () => checkState(invocation.state)),
  };
}

function checkState(state: Invocation_State): Invocation_State {
  const { ACTIVE, FINALIZING } = Invocation_State;
  if (state === ACTIVE || state === FINALIZING) return state;
  throw invalid('must be FINALIZING or ACTIVE');
}
