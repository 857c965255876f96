/**
 * Marks every second part of a result with a token, from which the read can be resumed, as Spanner does and
 * its emulator does not. A resumed read is read from the start, and the parts before the token are dropped,
 * which is the same for a snapshot.
 */
import { protos } from '@google-cloud/spanner';
import type { Rewrite } from './proxied-call.ts';

const spanner = protos.google.spanner.v1;

export const resumeTokens: Rewrite = {
  request(method, message) {
    const resumeToken = new Uint8Array();
    if (method === 'ExecuteStreamingSql') {
      const request = { ...spanner.ExecuteSqlRequest.decode(message), resumeToken };
      return spanner.ExecuteSqlRequest.encode(request).finish();
    }
    if (method !== 'StreamingRead') return message;
    const request = { ...spanner.ReadRequest.decode(message), resumeToken };
    return spanner.ReadRequest.encode(request).finish();
  },
  answer({ method, request }, message, index) {
    const before = partsBefore(method, request);
    if (before === undefined) return message;
    if (index < before) return undefined;
    const part = spanner.PartialResultSet.decode(message);
    if (index % 2 === 1) part.resumeToken = Buffer.from(String(index + 1));
    return spanner.PartialResultSet.encode(part).finish();
  },
};

/** Returns how many parts the request's token covers; `undefined` if it is not a read. */
function partsBefore(method: string, request: Uint8Array): number | undefined {
  if (method === 'StreamingRead') return tokenOf(spanner.ReadRequest.decode(request));
  if (method !== 'ExecuteStreamingSql') return undefined;
  return tokenOf(spanner.ExecuteSqlRequest.decode(request));
}

function tokenOf({ resumeToken }: { readonly resumeToken: Uint8Array | string }): number {
  return Number(Buffer.from(resumeToken).toString());
}
