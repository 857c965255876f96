/** Serves pushes in Express 5, and in frameworks with the same kind of handlers. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PushHandler } from '../push.ts';
import { nodePushRequest, sendResponse } from './node.ts';
import { type ParsedBody, parsedOrStream } from './parsed-body.ts';

/**
 * Returns a handler for `app.use('/internal/tasks', …)`, before or after `express.json()` and the like. If
 * another middleware has read the body and kept nothing of it, pushes get status 500, with advice.
 */
export function expressPush(
  push: PushHandler,
): (request: IncomingMessage & ParsedBody, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const body = (): AsyncIterable<Uint8Array> => parsedOrStream(request, request);
    sendResponse(request, response, await push(nodePushRequest(request, response, body)));
  };
}
