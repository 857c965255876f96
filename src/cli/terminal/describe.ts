/** Describes invocations and explanations in words for users, and as plain values for `--json`. */
import type { JsonObject } from '@bufbuild/protobuf';
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { type Invocation, Invocation_State } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import {
  type Blocker,
  EndCause,
  type Explanation,
  Explanation_Reason,
} from '../../gen/postlude/v1/invocations_pb.js';
import { invocationId } from '../invocation-argument.ts';

export function invocationValue(invocation: Invocation) {
  return {
    invocation: invocationId(invocation.name),
    state: Invocation_State[invocation.state],
    realm: invocation.realm,
    createdBy: invocation.createdBy,
    createTime: isoTime(invocation.createTime),
    finalizeTime: isoTime(invocation.finalizeTime),
    deadline: isoTime(invocation.deadline),
    includes: invocation.includedInvocations.map(invocationId),
    tags: invocation.tags.map(({ key, value }) => ({ key, value })),
    ...(invocation.properties === undefined ? {} : { properties: invocation.properties }),
  };
}

export function explanationValue(explanation: Explanation) {
  return {
    reason: Explanation_Reason[explanation.reason],
    chain: explanation.chain.map((blocker) => ({
      invocation: invocationId(blocker.name),
      state: Invocation_State[blocker.state],
      createdBy: blocker.createdBy,
      createTime: isoTime(blocker.createTime),
      deadline: isoTime(blocker.deadline),
      activeUntil: isoTime(blocker.activeUntil),
      attempt: blocker.attempt,
      ...(blocker.isExpected ? { isExpected: true } : {}),
      ...endValue(blocker),
    })),
  };
}

/** Returns why an invocation ended, if its owner did not end it. */
export function endValue({ endCause, endReason }: Pick<Blocker, 'endCause' | 'endReason'>) {
  if (endCause === EndCause.UNSPECIFIED) return {};
  return { endCause: EndCause[endCause], ...(endReason === '' ? {} : { endReason }) };
}

const END_PHRASES: Readonly<Record<EndCause, string>> = {
  [EndCause.UNSPECIFIED]: 'by its owner',
  [EndCause.CANCELLED]: 'it was cancelled',
  [EndCause.DEADLINE]: 'it was ended by its deadline',
  [EndCause.LOST]: 'its recorder was lost',
  [EndCause.SUPERSEDED]: 'a later attempt superseded it',
  [EndCause.NEVER_APPEARED]: 'it was expected, and never appeared',
};

/** Returns, for example, `its recorder was lost`, or `undefined` if it has not ended or its owner ended it. */
export function describeEnding({
  endCause,
  endReason,
}: Pick<Blocker, 'endCause' | 'endReason'>): string | undefined {
  if (endCause === EndCause.UNSPECIFIED) return undefined;
  const phrase = END_PHRASES[endCause] ?? 'it was ended by the server';
  return endReason === '' ? phrase : `${phrase} (${endReason})`;
}

/** Returns how the command ended, as `record` stores it in the properties. Ignores anything else there. */
export function commandOf({ properties }: Pick<Invocation, 'properties'>): JsonObject | undefined {
  const command = properties?.command;
  if (typeof command !== 'object' || command === null || Array.isArray(command)) return undefined;
  return 'exitCode' in command ? command : undefined;
}

/** Returns, for example, `npm was killed by SIGKILL on ci-3`. */
export function describeCommand(invocation: Pick<Invocation, 'properties'>): string | undefined {
  const command = commandOf(invocation);
  if (command === undefined) return undefined;
  const { cancelledBy, exitCode, file, host, notStarted, signal } = command;
  if (notStarted !== undefined) return `${file} did not start on ${host}: ${notStarted}`;
  const how = signal === undefined ? `ended with ${exitCode}` : `was killed by ${signal}`;
  const by = cancelledBy === undefined ? '' : ` (record was cancelled by ${cancelledBy})`;
  return `${file} ${how} on ${host}${by}`;
}

/** Returns one line for each link of the chain, from the given invocation to the one it waits for. */
export function describeExplanation(id: string, explanation: Explanation): string[] {
  const { chain, reason } = explanation;
  const last = chain.at(-1);
  if (reason === Explanation_Reason.FINALIZED) {
    const ending = last && describeEnding(last);
    return [`${id} is over: FINALIZED${ending === undefined ? '' : `; ${ending}`}.`];
  }
  if (last?.isExpected) return [...waits(id, chain), describeExpected(last)];
  if (reason === Explanation_Reason.ACTIVE || last === undefined) {
    return [`${id} is still ACTIVE: its owner has not finalized it.`, ...ownership(last)];
  }
  if (reason === Explanation_Reason.WAITS_FOR_ACTIVE) {
    const verdict = `${invocationId(last.name)} is still recording: nobody has finalized it.`;
    return [...waits(id, chain), verdict, ...ownership(last)];
  }
  return [...waits(id, chain), 'Nothing holds it up: it is being finalized right now.'];
}

function waits(id: string, chain: readonly Blocker[]): string[] {
  const lines = chain.slice(1).map((blocker, depth) => {
    const indent = '  '.repeat(depth + 1);
    return `${indent}waits for ${invocationId(blocker.name)} (${Invocation_State[blocker.state]})`;
  });
  return [`${id} is not over yet:`, ...lines];
}

function describeExpected({ activeUntil, name }: Blocker): string {
  const until = activeUntil === undefined ? 'no deadline' : `until ${isoTime(activeUntil)}`;
  return `${invocationId(name)} is expected, and nobody has begun to record it: it has ${until}.`;
}

export function isoTime(time: Timestamp | undefined): string | undefined {
  return time === undefined ? undefined : new Date(timestampMs(time)).toISOString();
}

function ownership(blocker: Blocker | undefined): string[] {
  if (blocker === undefined) return [];
  const until = isoTime(blocker.activeUntil) ?? 'none';
  return [`  owner: ${blocker.createdBy || 'unknown'}   deadline: ${until}`];
}
