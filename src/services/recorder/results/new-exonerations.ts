/**
 * Records one exoneration or a batch. If there is a request id, the id of an exoneration is derived
 * from the caller, the request and the index in it, so a repeated request adds nothing.
 */
import { createHash } from 'node:crypto';
import { randomHex } from '@postlude/queue/foundations';
import type { CreateTestExonerationRequest } from '../../../gen/luci/resultdb/v1/recorder_pb.js';
import type { TestExoneration } from '../../../gen/luci/resultdb/v1/test_result_pb.js';
import type { InvocationId } from '../../../invocations/id.ts';
import { hashOf, type NewTestExoneration } from '../../../results/exoneration.ts';
import { recordExonerations } from '../../../results/exonerations.ts';
import type { Schemes } from '../../../results/identity/schemes.ts';
import type { CallContext } from '../../shared/call-context.ts';
import { inField, invalid } from '../../shared/field.ts';
import { toExonerationMessage } from '../../shared/result-message.ts';
import { mutateInvocation } from '../mutate-invocation.ts';
import type { RecorderParts } from '../parts.ts';
import { checkTestExoneration } from './validate-exoneration.ts';

interface ExonerationSource {
  readonly caller: string;
  readonly schemes: Schemes;
  readonly requestId: string;
  /** The index in the batch. */
  readonly index: number;
}

export function checkNewExoneration(
  { testExoneration }: CreateTestExonerationRequest,
  source: ExonerationSource,
): NewTestExoneration {
  return inField('test_exoneration', () => {
    if (testExoneration === undefined) throw invalid('unspecified');
    const checked = checkTestExoneration(testExoneration, source.schemes);
    return { ...checked, exonerationId: exonerationId(hashOf(checked), source) };
  });
}

/** Writes all or nothing, and returns the exonerations as reads will show them. */
export async function createExonerations(
  parts: RecorderParts,
  context: CallContext,
  {
    id,
    exonerations,
  }: { readonly id: InvocationId; readonly exonerations: readonly NewTestExoneration[] },
): Promise<TestExoneration[]> {
  await mutateInvocation({ parts, context, id }, (tx) => recordExonerations(tx, id, exonerations));
  return exonerations.map((exoneration) =>
    toExonerationMessage({
      ...exoneration,
      invocationId: id,
      variantHash: hashOf(exoneration),
    }),
  );
}

/** Returns `{hash}:d:{digest}` if there is a request id, otherwise `{hash}:r:{random}`. */
function exonerationId(hash: string, { caller, index, requestId }: ExonerationSource): string {
  if (requestId === '') return `${hash}:r:${randomHex(16)}`;
  const digest = createHash('sha512').update(`${caller}\n${requestId}\n${index}\n`).digest('hex');
  return `${hash}:d:${digest}`;
}
