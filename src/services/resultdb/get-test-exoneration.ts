import { CodedError } from '@postlude/queue/foundations';
import type { GetTestExonerationRequest } from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import type { TestExoneration } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { readExoneration } from '../../results/exonerations.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { requireInRealms } from '../shared/readable.ts';
import { toExonerationMessage } from '../shared/result-message.ts';
import { parseExonerationName } from '../shared/result-name.ts';
import type { ResultDbParts } from './parts.ts';

export async function getTestExoneration(
  parts: ResultDbParts,
  { name }: GetTestExonerationRequest,
  context: CallContext,
): Promise<TestExoneration> {
  const key = inField('name', () => parseExonerationName(name));
  await requireInRealms(parts, context, {
    permission: 'resultdb.testExonerations.get',
    ids: [key.invocationId],
  });
  const exoneration = await parts.db.read((tx) => readExoneration(tx, key), context);
  if (!exoneration) throw new CodedError('not-found', `${name} does not exist`);
  return toExonerationMessage(exoneration);
}
