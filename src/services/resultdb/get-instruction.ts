import { CodedError } from '@postlude/queue/foundations';
import type { Instruction } from '../../gen/luci/resultdb/v1/instruction_pb.js';
import type { GetInstructionRequest } from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { type InvocationId, parseInvocationName } from '../../invocations/id.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField, invalid } from '../shared/field.ts';
import { readInstruction } from '../shared/invocation-message.ts';
import { requireInRealms } from '../shared/readable.ts';
import type { ResultDbParts } from './parts.ts';

const NAME_PATTERN = /^(invocations\/[^/]+)\/instructions\/([^/]+)$/;

/** Throws `not-found`, with ResultDB's text, if the invocation exists without such an instruction. */
export async function getInstruction(
  parts: ResultDbParts,
  { name }: GetInstructionRequest,
  context: CallContext,
): Promise<Instruction> {
  const { invocation, id } = inField('name', () => parseName(name));
  const permission = 'resultdb.instructions.get';
  await requireInRealms(parts, context, { permission, ids: [invocation] });
  const found = await parts.db.read((tx) => readInstruction(tx, invocation, id), context);
  if (!found) throw new CodedError('not-found', 'instruction not found');
  return found;
}

function parseName(name: string): { readonly invocation: InvocationId; readonly id: string } {
  if (name === '') throw invalid('unspecified');
  const [, invocation, id] = NAME_PATTERN.exec(name) ?? [];
  if (!invocation || !id) throw invalid('not of the form invocations/ID/instructions/ID');
  return { invocation: parseInvocationName(invocation), id };
}
