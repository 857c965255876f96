/**
 * The context of a call, whichever protocol it came by. The server provides it. Methods have the form
 * `(request, context) => response` and throw CodedError.
 */
export interface CallContext {
  /** The authenticated identity of the caller: `user:someone@example.com`, or `anonymous:anonymous`. */
  readonly caller: string;
  /** The unchecked values of the request header `update-token`. Never log them. */
  readonly updateTokens: readonly string[];
  /** True if the caller does not need the stored messages in the response: see `MINIMAL_RESPONSE`. */
  readonly prefersMinimal?: boolean;
  /** The origin under which the caller has called the server, such as `http://127.0.0.1:8010`. */
  readonly origin?: string | undefined;
  /** Aborts when the caller disconnects or the server stops. */
  readonly signal: AbortSignal;
  /** Sets a header of the response. The name must be in lower case. */
  setHeader(name: string, value: string): void;
}

/**
 * The header by which a caller says that it knows what it sends (RFC 7240). Recording a batch of results then
 * returns none of them, so they are neither encoded nor decoded.
 */
export const MINIMAL_RESPONSE = { prefer: 'return=minimal' };

/** The header that carries update tokens, in requests and responses. */
export const UPDATE_TOKEN_HEADER = 'update-token';
