/** The limits on the size of one body. */
import { CodedError } from '@postlude/queue/foundations';

/** Told before a buffer takes more memory. Throws if there is no room for it. */
export type Hold = (bytes: number) => void;

export interface BodyLimits {
  /** The limit on a message, before and after decompression. */
  readonly maxBytes: number;
  readonly hold: Hold;
}

/** Throws `resource-exhausted` beyond the limit. */
export function requireSize(size: number, { maxBytes }: BodyLimits): void {
  if (size <= maxBytes) return;
  const problem = `the request has a message of more than ${maxBytes} bytes`;
  throw new CodedError('resource-exhausted', problem);
}
