import { create, toBinary } from '@bufbuild/protobuf';
import { chunk } from '@postlude/queue/foundations';
import { expect, test } from 'vitest';
import { openTestPglite } from '../../../test/support/databases/databases.ts';
import { contextOf, OWNER, openServices } from '../../../test/support/server/rpc-services.ts';
import { InvocationSchema } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import { GetInvocationRequestSchema } from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { parseInvocationId } from '../../invocations/id.ts';
import { includeKnown } from '../../invocations/inclusions.ts';
import { MAX_INCLUDED } from '../shared/invocation-message.ts';

/** The limit of a message that clients of gRPC have by default. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
const LONGEST_ID = 100;

test('an invocation with as many inclusions as a message holds fits into it, and none has more', async () => {
  const services = await openServices(await openTestPglite());
  await services.create('u-a');
  const id = parseInvocationId('u-a');
  const ids = Array.from({ length: MAX_INCLUDED }, (_, index) => {
    return parseInvocationId(`u-${String(index).padStart(LONGEST_ID - 2, '0')}`);
  });
  for (const some of chunk(ids, 5_000)) {
    await services.db.write((tx) => includeKnown(tx, id, some));
  }
  const request = create(GetInvocationRequestSchema, { name: 'invocations/u-a' });
  const get = () => services.resultDb.getInvocation(request, contextOf(OWNER));
  const message = await get();
  expect(message.includedInvocations).toHaveLength(MAX_INCLUDED);
  expect(toBinary(InvocationSchema, create(InvocationSchema, message)).length).toBeLessThan(
    MAX_MESSAGE_BYTES,
  );
  await services.db.write((tx) => includeKnown(tx, id, [parseInvocationId('u-last')]));
  await expect(get()).rejects.toThrow('invocations/u-a includes more than 30000 others');
});
