/**
 * What a service method knows of its call, whatever protocol it came by. The server fills it in;
 * methods are `(request, context) => response` and throw CodedError.
 */
export interface CallContext {
  /** Who calls, as authenticated: `user:someone@example.com`, or `anonymous:anonymous`. */
  readonly caller: string;
  /** The values of the request header `update-token`, as they came. Never log them. */
  readonly updateTokens: readonly string[];
  /** Aborts when the caller goes away or the server stops. */
  readonly signal: AbortSignal;
  /** Sets a header of the response; names are in lower case. */
  setHeader(name: string, value: string): void;
}

/** The header that carries update tokens, in requests and responses. */
export const UPDATE_TOKEN_HEADER = 'update-token';
