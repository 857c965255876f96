/**
 * The context of a call, whichever protocol it came by. The server provides it. Methods have the form
 * `(request, context) => response` and throw CodedError.
 */
export interface CallContext {
  /** The authenticated identity of the caller: `user:someone@example.com`, or `anonymous:anonymous`. */
  readonly caller: string;
  /** The unchecked values of the request header `update-token`. Never log them. */
  readonly updateTokens: readonly string[];
  /** Aborts when the caller disconnects or the server stops. */
  readonly signal: AbortSignal;
  /** Sets a header of the response. The name must be in lower case. */
  setHeader(name: string, value: string): void;
}

/** The header that carries update tokens, in requests and responses. */
export const UPDATE_TOKEN_HEADER = 'update-token';
