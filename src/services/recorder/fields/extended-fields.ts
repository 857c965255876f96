/** Checks the instructions and the extended properties of an invocation, with ResultDB's texts for errors. */
import { create, type JsonObject, toBinary } from '@bufbuild/protobuf';
import {
  type Instruction,
  type Instructions,
  InstructionsSchema,
  InstructionTarget,
  InstructionType,
  type TargetedInstruction,
} from '../../../gen/luci/resultdb/v1/instruction_pb.js';
import { type Invocation, InvocationSchema } from '../../../gen/luci/resultdb/v1/invocation_pb.js';
import { parseInvocationId } from '../../../invocations/id.ts';
import { inEach, inField, invalid } from '../../shared/field.ts';
import { encodeProperties } from '../../shared/invocation-message.ts';

type ExtendedProperties = Invocation['extendedProperties'];

const MAX_INSTRUCTIONS_BYTES = 1024 * 1024;
const MAX_CONTENT_BYTES = 10 * 1024;
const MAX_PROPERTY_BYTES = 512 * 1024;
const MAX_PROPERTIES_BYTES = 2 * 1024 * 1024;
const KEY_PATTERN = /^[a-z]([a-z0-9_]{0,61}[a-z0-9])?$/;
const TYPE_NAME_PATTERN = /^[a-zA-Z]\w*(\.[a-zA-Z]\w*)+$/;

/** Throws `invalid-argument`. */
export function checkPropertyKey(key: string): string {
  if (key === '') throw invalid('unspecified');
  if (KEY_PATTERN.test(key)) return key;
  throw invalid(`does not match pattern ${JSON.stringify(KEY_PATTERN.source)}`);
}

/** Throws `invalid-argument`. */
export function checkExtendedProperties(properties: ExtendedProperties): ExtendedProperties {
  for (const [key, value] of Object.entries(properties)) {
    inField(`key ${JSON.stringify(key)}`, () => checkPropertyKey(key));
    inField(`[${JSON.stringify(key)}]`, () => checkProperty(value));
  }
  const message = create(InvocationSchema, { extendedProperties: properties });
  requireSize(toBinary(InvocationSchema, message), MAX_PROPERTIES_BYTES);
  return properties;
}

/** Returns them without their names, which follow from that of the invocation. */
export function checkInstructions(instructions: Instructions | undefined) {
  if (instructions === undefined) return undefined;
  if (toBinary(InstructionsSchema, instructions).length > MAX_INSTRUCTIONS_BYTES) {
    throw invalid(`bigger than ${MAX_INSTRUCTIONS_BYTES} bytes`);
  }
  const seen = new Map<string, number>();
  const checked = inEach('instructions', instructions.instructions, (each, index) => {
    if (each.id === '') throw invalid('id: unspecified');
    const first = seen.get(each.id);
    if (first !== undefined) {
      throw invalid(`id: ${JSON.stringify(each.id)} is re-used at index ${first}`);
    }
    seen.set(each.id, index);
    checkInstruction(each);
    return { ...each, name: '' };
  });
  return { ...instructions, instructions: checked };
}

function checkInstruction(instruction: Instruction): void {
  if (instruction.type === InstructionType.INSTRUCTION_TYPE_UNSPECIFIED) {
    throw invalid('type: unspecified');
  }
  const targets = new Set<InstructionTarget>();
  inEach('targeted_instructions', instruction.targetedInstructions, (each) =>
    checkTargeted(each, targets),
  );
  const { filterType } = instruction.instructionFilter ?? {};
  if (filterType?.case !== 'invocationIds') return;
  inField('instruction_filter', () =>
    inEach('invocation_ids', filterType.value.invocationIds, parseInvocationId),
  );
}

function checkTargeted(
  { content, dependencies, targets }: TargetedInstruction,
  seen: Set<InstructionTarget>,
): void {
  if (targets.length === 0) throw invalid('targets: empty');
  inEach('targets', targets, (target) => {
    if (target === InstructionTarget.INSTRUCTION_TARGET_UNSPECIFIED) throw invalid('unspecified');
    if (seen.has(target)) {
      throw invalid(`duplicated target ${JSON.stringify(InstructionTarget[target])}`);
    }
    seen.add(target);
  });
  if (Buffer.byteLength(content) > MAX_CONTENT_BYTES) {
    throw invalid(`content: longer than ${MAX_CONTENT_BYTES} bytes`);
  }
  inField('dependencies', () => {
    if (dependencies.length > 1) throw invalid('more than 1');
    inEach('', dependencies, ({ invocationId }) =>
      inField('invocation_id', () => parseInvocationId(invocationId)),
    );
  });
}

function checkProperty(value: JsonObject): void {
  requireSize(encodeProperties(value) ?? new Uint8Array(), MAX_PROPERTY_BYTES);
  const type = value['@type'];
  if (type === undefined) throw invalid('must have a field "@type"');
  const text = typeof type === 'string' ? type : '';
  const slash = text.lastIndexOf('/');
  if (slash < 0) {
    throw invalid(`"@type" value ${JSON.stringify(text)} must contain at least one "/" character`);
  }
  const name = text.slice(slash + 1);
  if (TYPE_NAME_PATTERN.test(name)) return;
  throw invalid(
    `"@type" type name ${JSON.stringify(name)}: does not match pattern ${JSON.stringify(TYPE_NAME_PATTERN.source)}`,
  );
}

function requireSize(bytes: Uint8Array, maxBytes: number): void {
  if (bytes.length > maxBytes) throw invalid(`exceeds the maximum size of ${maxBytes} bytes`);
}
