import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { openTestPglite } from '../../../test/support/databases/databases.ts';
import { contextOf, OWNER, openServices } from '../../../test/support/server/rpc-services.ts';
import { CreateInvocationRequestSchema } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { GetInstructionRequestSchema } from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { type Authorizer, allowAll } from '../shared/permissions.ts';

const INSTRUCTION = { id: 'i', type: 1, targetedInstructions: [{ targets: [1], content: 'c' }] };

async function openWorld(authorizer: Authorizer = allowAll) {
  const services = await openServices(await openTestPglite(), { authorizer });
  const instructions = { instructions: [INSTRUCTION, { ...INSTRUCTION, id: 'Other one' }] };
  for (const [invocationId, init] of [
    ['u-inv', { instructions }],
    ['u-bare', {}],
  ] as const) {
    const request = { invocationId, invocation: { realm: 'p:r', ...init } };
    await services.recorder.createInvocation(
      create(CreateInvocationRequestSchema, request),
      contextOf(OWNER),
    );
  }
  return (name: string) =>
    services.resultDb.getInstruction(
      create(GetInstructionRequestSchema, { name }),
      contextOf(OWNER),
    );
}

test('an instruction is found by its name', async () => {
  const get = await openWorld();
  const name = 'invocations/u-inv/instructions/i';
  expect(await get(name)).toMatchObject({ ...INSTRUCTION, name });
  expect((await get('invocations/u-inv/instructions/Other one')).id).toBe('Other one');
});

test.each([
  ['invocations/u-inv/instructions/none', 'instruction not found'],
  ['invocations/u-bare/instructions/i', 'instruction not found'],
  ['invocations/u-none/instructions/i', 'invocations/u-none does not exist'],
  ['', 'name: unspecified'],
  ['invocations/u-inv', 'name: not of the form invocations/ID/instructions/ID'],
  ['invocations/U/instructions/i', 'name: '],
])('%j is refused: %s', async (name, problem) => {
  const get = await openWorld();
  await expect(get(name)).rejects.toThrow(problem);
});

test('it needs a permission of its own', async () => {
  const get = await openWorld({
    isAllowed: (_, permission) => permission !== 'resultdb.instructions.get',
  });
  await expect(get('invocations/u-inv/instructions/i')).rejects.toThrow(
    'resultdb.instructions.get',
  );
});
