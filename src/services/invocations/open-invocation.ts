import { create } from '@bufbuild/protobuf';
import type { Duration } from '@bufbuild/protobuf/wkt';
import { Invocation_State, InvocationSchema } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import {
  type ExpectedInvocation,
  type OpenInvocationRequest,
  type OpenInvocationResponse,
  OpenInvocationResponseSchema,
} from '../../gen/postlude/v1/invocations_pb.js';
import { checkFirstAttempt, MAX_ATTEMPT } from '../../invocations/attempts.ts';
import { invocationName, parseInvocationId, parseInvocationName } from '../../invocations/id.ts';
import { authorizeCreation, type Claim, checkCreation } from '../recorder/new-invocations.ts';
import type { RecorderParts } from '../recorder/parts.ts';
import { checkRealm } from '../recorder/validate-invocation.ts';
import { type CallContext, UPDATE_TOKEN_HEADER } from '../shared/call-context.ts';
import { checkTags } from '../shared/check-pairs.ts';
import { inEach, inField, invalid, requireText } from '../shared/field.ts';
import { readInvocationMessage } from '../shared/invocation-message.ts';
import { fromDuration, toTimestamp } from '../shared/timestamp.ts';
import { openAttempt } from './open-attempt.ts';
import { type Expected, OPENED, type Opening } from './opening.ts';

const DEFAULT_WITHIN_MS = 3_600_000;
const MIN_LOST_AFTER_MS = 1_000;
const MAX_DURATION_MS = 5 * 24 * 3_600_000;
const MAX_RECORDER_BYTES = 100;

/** Returns the update token of the opened invocation in a response header. */
export async function openInvocation(
  parts: RecorderParts,
  request: OpenInvocationRequest,
  context: CallContext,
): Promise<OpenInvocationResponse> {
  const now = parts.clock.now();
  const claim = checkClaim(request, now);
  await authorizeCreation(parts, context, { claim, batch: [] });
  const opening = checkOpening(request, now);
  const { created, included } = checkCreation(parts, context, { claim, requestId: OPENED });
  const opened = await parts.db.write(
    (tx) => openAttempt({ parts, tx, opening: { ...opening, created, included } }),
    { signal: context.signal },
  );
  context.setHeader(UPDATE_TOKEN_HEADER, parts.updateTokens.issue(opened.id, created.realm));
  return create(OpenInvocationResponseSchema, {
    invocation: await parts.db.read((tx) => readInvocationMessage(tx, opened.id), context),
    attempt: opened.attempt,
    superseded: opened.superseded.map(invocationName),
    existed: opened.existed,
  });
}

/** Checks the fields that permissions depend on. */
function checkClaim(request: OpenInvocationRequest, now: number): Claim {
  const { bigqueryExports, includedInvocations, invocationId: id, tags } = request;
  const included = inEach('included_invocations', includedInvocations, parseInvocationName);
  const { deadline } = request;
  const deadlineMs = inField('deadline', () => checkDuration(deadline, MIN_LOST_AFTER_MS));
  const invocation = create(InvocationSchema, {
    realm: inField('realm', () => checkRealm(request.realm)),
    state: request.finalize ? Invocation_State.FINALIZING : Invocation_State.ACTIVE,
    bigqueryExports,
    tags,
    ...(deadlineMs === undefined ? {} : { deadline: toTimestamp(now + deadlineMs) }),
  });
  return { invocation, id, realm: invocation.realm, included };
}

/** Checks the fields that do not describe the invocation itself. */
function checkOpening(
  request: OpenInvocationRequest,
  now: number,
): Omit<Opening, 'created' | 'included'> {
  inField('invocation_id', () => checkFirstAttempt(parseInvocationId(request.invocationId)));
  const { expectedInvocations, finalize, lostAfter, recorder } = request;
  inField('recorder', () => requireText(recorder, MAX_RECORDER_BYTES));
  if (request.attempt < 0 || request.attempt > MAX_ATTEMPT) {
    throw invalid(`attempt: must be from 0 to ${MAX_ATTEMPT}`);
  }
  if (finalize && recorder !== '') throw invalid('finalize: goes without a recorder only');
  if (lostAfter !== undefined && recorder === '') {
    throw invalid('lost_after: goes with a recorder only, which keeps the invocation alive');
  }
  if (request.late && recorder === '') throw invalid('late: goes with a recorder only');
  return {
    recorder: recorder === '' ? undefined : recorder,
    attempt: request.attempt,
    contextTags: checkTags('context_tags', request.contextTags),
    lostAfterMs: inField('lost_after', () => checkDuration(lostAfter, MIN_LOST_AFTER_MS)),
    expected: inEach('expected_invocations', expectedInvocations, (each) =>
      checkExpected(each, request.invocationId, now),
    ),
    deadlineIsGiven: request.deadline !== undefined,
    finalizes: finalize,
    allowNextAttempt: request.allowNextAttempt,
    isLate: request.late,
  };
}

function checkExpected({ name, within }: ExpectedInvocation, ownId: string, now: number): Expected {
  const id = inField('name', () => checkFirstAttempt(parseInvocationName(name)));
  if (id === ownId) throw invalid('name: must not name the invocation itself');
  const withinMs = inField('within', () => checkDuration(within, MIN_LOST_AFTER_MS));
  const endIsGiven = withinMs !== undefined;
  return { id, endIsGiven, endsAt: now + (withinMs ?? DEFAULT_WITHIN_MS) };
}

function checkDuration(duration: Duration | undefined, minMs: number): number | undefined {
  if (duration === undefined) return undefined;
  const ms = Math.round(fromDuration(duration) / 1000);
  if (ms >= minMs && ms <= MAX_DURATION_MS) return ms;
  throw invalid(`must be from ${minMs / 1000} seconds to ${MAX_DURATION_MS / 3_600_000} hours`);
}
