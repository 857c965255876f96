/** The table of invocations; what its columns mean stands in invocation.ts and standings.ts. */
import { bytes, bytesArray, int, nullable, text, textArray, timestamp } from '../storage/column.ts';
import { table } from '../storage/table.ts';

export const invocations = table(
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
  },
  ['invocationId'],
);
