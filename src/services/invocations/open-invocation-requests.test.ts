import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { openTestPglite } from '../../../test/support/databases/databases.ts';
import { contextOf, OWNER, openServices } from '../../../test/support/server/rpc-services.ts';
import { OpenInvocationRequestSchema } from '../../gen/postlude/v1/invocations_pb.js';

type Init = Omit<MessageInitShape<typeof OpenInvocationRequestSchema>, '$typeName' | '$unknown'>;

test.each<[string, Init]>([
  ['realm: must not be empty', { realm: '' }],
  ['invocation_id: not an invocation id', { invocationId: 'U' }],
  ['s.attempt-2 names one attempt: open s for the next one', { invocationId: 's.attempt-2' }],
  ['deadline: must be from 1 seconds to 120 hours', { deadline: { seconds: 0n } }],
  ['deadline: must be at least 10 seconds in the future', { deadline: { seconds: 1n } }],
  ['lost_after: goes with a recorder only', { lostAfter: { seconds: 60n } }],
  ['finalize: goes without a recorder only', { recorder: 'r', finalize: true }],
  ['attempt: must be from 0 to 1000', { attempt: -1 }],
  ['context_tags: "A":"": key: does not match', { contextTags: [{ key: 'A' }] }],
  ['included_invocations[0]: not the name', { includedInvocations: ['a'] }],
  ['expected_invocations[0]: name: not the name', { expectedInvocations: [{ name: 'a' }] }],
  [
    'expected_invocations[0]: name: must not name the invocation itself',
    { expectedInvocations: [{ name: 'invocations/u-s' }] },
  ],
])('refuses a request: %s', async (message, init) => {
  const { invocations } = await openServices(await openTestPglite());
  const request = { invocationId: 'u-s', realm: 'p:r', ...init };
  const opening = invocations.openInvocation(
    create(OpenInvocationRequestSchema, request),
    contextOf(OWNER),
  );
  await expect(opening).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringContaining(message),
  });
});
