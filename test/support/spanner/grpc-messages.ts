/** gRPC's wire format: messages after a prefix with their length, and the end of a call. */
import type { OutgoingHttpHeaders } from 'node:http2';

/** The statuses that tests cause or get. */
export const GRPC = {
  ok: 0,
  cancelled: 1,
  deadlineExceeded: 4,
  notFound: 5,
  aborted: 10,
  internal: 13,
  unavailable: 14,
} as const;

/** A prefix has one flag byte and four bytes of length. */
export const PREFIX_BYTES = 5;

export function withPrefix(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Splits bytes into whole messages, and removes their prefixes. */
export async function* splitMessages(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, void> {
  let bytes: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    bytes = Buffer.concat([bytes, chunk]);
    for (let end = endOfMessage(bytes); end <= bytes.length; end = endOfMessage(bytes)) {
      yield bytes.subarray(PREFIX_BYTES, end);
      bytes = bytes.subarray(end);
    }
  }
}

function endOfMessage(bytes: Buffer): number {
  return bytes.length < PREFIX_BYTES ? Infinity : PREFIX_BYTES + bytes.readUInt32BE(1);
}

export interface Status {
  readonly status: number;
  readonly message?: string;
  /** In gRPC's metadata the names of binary values end in `-bin`, and such values are in base64. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export function trailersOf({ status, message = 'the network failed', metadata }: Status) {
  const trailers: OutgoingHttpHeaders = {
    'grpc-status': String(status),
    'grpc-message': encodeURIComponent(message),
    ...metadata,
  };
  return trailers;
}
