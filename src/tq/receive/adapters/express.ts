/** Pushes by way of Express 5, and of what has its kind of handlers. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PushHandler } from '../push.ts';
import { nodePushRequest, sendAnswer } from './node.ts';
import { type ParsedBody, parsedOrStream } from './parsed-body.ts';

/**
 * For `app.use('/internal/tasks', …)`. It may stand before or after `express.json()` and its like;
 * where another middleware read the body and kept nothing of it, pushes are answered with 500 and
 * what to do.
 */
export function expressPush(
  push: PushHandler,
): (request: IncomingMessage & ParsedBody, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const body = (): AsyncIterable<Uint8Array> => parsedOrStream(request, request);
    sendAnswer(request, response, await push(nodePushRequest(request, response, body)));
  };
}
