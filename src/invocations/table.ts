/**
 * The table of invocations, whose columns are explained in invocation.ts, finalization-state.ts and
 * closed-sets.ts, and the table that says which root has the turn to close a large set.
 */
import {
  bool,
  bytes,
  bytesArray,
  int,
  nullable,
  table,
  text,
  textArray,
  timestamp,
  withIndexes,
} from '@postlude/queue/storage';

export const invocations = withIndexes(
  table(
    'invocations',
    {
      invocationId: text,
      state: int,
      realm: text,
      createTime: timestamp,
      createdBy: nullable(text),
      createRequestId: nullable(text),
      deadline: timestamp,
      finalizeStartTime: nullable(timestamp),
      finalizeTime: nullable(timestamp),
      expirationTime: timestamp,
      expectedResultsExpirationTime: nullable(timestamp),
      tags: textArray,
      producerResource: nullable(text),
      bigqueryExports: bytesArray,
      historyOptions: nullable(bytes),
      blockerId: nullable(text),
      blockerEndId: nullable(text),
      finalizedUpTo: nullable(text),
      endsAt: nullable(timestamp),
      lostAfterMs: nullable(int),
      heartbeatTime: nullable(timestamp),
      recorder: nullable(text),
      isExpected: nullable(bool),
      endedBy: nullable(int),
      endReason: nullable(text),
      attempt: nullable(int),
      lastAttempt: nullable(int),
      properties: nullable(bytes),
      closedBy: nullable(text),
      details: nullable(bytes),
      extended: nullable(bytes),
    },
    ['invocationId'],
  ),
  [
    ['blockerId', 'invocationId'],
    ['closedBy', 'invocationId'],
    ['shard', 'activeDeadline', 'invocationId'],
    ['shard', 'realm', 'createTime', 'invocationId'],
    ['shard', 'expirationTime', 'invocationId'],
    ['shard', 'expectedResultsExpirationTime', 'invocationId'],
  ],
);

/** It has at most one row. */
export const closingTurns = table('closing_turns', { name: text, rootId: text }, ['name']);
