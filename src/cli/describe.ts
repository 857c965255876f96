/** Invocations and explanations in words for people, and as plain values for `--json`. */
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { type Invocation, Invocation_State } from '../gen/luci/resultdb/v1/invocation_pb.js';
import {
  type Blocker,
  type Explanation,
  Explanation_Reason,
} from '../gen/postlude/v1/invocations_pb.js';
import { invocationId } from './invocation-argument.ts';

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
    })),
  };
}

/** One line for each link of the chain, from the invocation asked about to what it waits for. */
export function describeExplanation(id: string, explanation: Explanation): string {
  const { chain, reason } = explanation;
  const last = chain.at(-1);
  if (reason === Explanation_Reason.FINALIZED) return `${id} is over: FINALIZED.`;
  if (reason === Explanation_Reason.ACTIVE || last === undefined) {
    return `${id} is still ACTIVE: its owner has not finalized it.${ownership(last)}`;
  }
  const lines = chain.slice(1).map((blocker, depth) => {
    const indent = '  '.repeat(depth + 1);
    return `${indent}waits for ${invocationId(blocker.name)} (${Invocation_State[blocker.state]})`;
  });
  const verdict =
    reason === Explanation_Reason.WAITS_FOR_ACTIVE
      ? `${invocationId(last.name)} is still recording: nobody has finalized it.${ownership(last)}`
      : 'Nothing holds it up: it is being decided right now.';
  return [`${id} is not over yet:`, ...lines, verdict].join('\n');
}

export function isoTime(time: Timestamp | undefined): string | undefined {
  return time === undefined ? undefined : new Date(timestampMs(time)).toISOString();
}

function ownership(blocker: Blocker | undefined): string {
  if (blocker === undefined) return '';
  const deadline = isoTime(blocker.deadline);
  return `\n  owner: ${blocker.createdBy || 'unknown'}   deadline: ${deadline ?? 'none'}`;
}
