import { create } from '@bufbuild/protobuf';
import {
  type SweepRemindersRequest,
  type SweepRemindersResponse,
  SweepRemindersResponseSchema,
} from '../../gen/postlude/v1/push_tasks_pb.js';
import type { CallContext } from '../shared/call-context.ts';
import { requirePermission, TASKS_REALM } from '../shared/permissions.ts';
import type { PushTasksParts } from './parts.ts';

export async function sweepReminders(
  { authorizer, sweeper }: PushTasksParts,
  _request: SweepRemindersRequest,
  { caller, signal }: CallContext,
): Promise<SweepRemindersResponse> {
  await requirePermission(authorizer, caller, {
    permission: 'postlude.tasks.redrive',
    realm: TASKS_REALM,
  });
  const { isWhole, ...counts } = await sweeper.runOnce(signal);
  return create(SweepRemindersResponseSchema, {
    scanned: BigInt(counts.scanned),
    stale: BigInt(counts.stale),
    submitted: BigInt(counts.submitted),
    kept: BigInt(counts.kept),
    dead: BigInt(counts.dead),
    missing: BigInt(counts.missing),
    whole: isWhole,
  });
}
