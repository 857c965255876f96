/** Serves pushes in Fastify 5. */
import type { NodeServerRequest, NodeServerResponse } from '../../../foundations/node-messages.ts';
import type { PushHandler } from '../push.ts';
import { nodePushRequest, responseHeaders } from './node.ts';
import { type ParsedBody, parsedOrStream } from './parsed-body.ts';

/** The members of a Fastify request that are used here. */
export interface FastifyRequestLike extends ParsedBody {
  readonly raw: NodeServerRequest;
}

/** The members of a Fastify reply that are used here. */
export interface FastifyReplyLike {
  readonly raw: NodeServerResponse;
  code(status: number): unknown;
  header(name: string, value: string): unknown;
  send(payload?: string): unknown;
}

export type FastifyPushHandler = (
  request: FastifyRequestLike,
  reply: FastifyReplyLike,
) => Promise<unknown>;

/** The members of a Fastify instance that are used here. */
export interface FastifyLike {
  removeAllContentTypeParsers(): unknown;
  addContentTypeParser(
    type: string,
    options: Readonly<Record<string, never>>,
    parser: (request: unknown, payload: NodeServerRequest) => Promise<unknown>,
  ): unknown;
  all(path: string, handler: FastifyPushHandler): unknown;
}

/**
 * Returns a plugin: `app.register(fastifyPush(push), { prefix: '/internal/tasks' })`. Within it, bodies are not
 * parsed, whatever parsers the application has, so that the body of a refused push is not read.
 */
export function fastifyPush(push: PushHandler): (instance: FastifyLike) => Promise<void> {
  return async (instance) => {
    instance.removeAllContentTypeParsers();
    instance.addContentTypeParser('*', {}, async (_, payload) => payload);
    instance.all('/*', fastifyPushHandler(push));
  };
}

/** Returns a handler for a route of your own. It also takes bodies that your parsers have parsed. */
export function fastifyPushHandler(push: PushHandler): FastifyPushHandler {
  return async (request, reply) => {
    const { raw } = request;
    const body = (): AsyncIterable<Uint8Array> => parsedOrStream(raw, request);
    const response = await push(nodePushRequest(raw, reply.raw, body));
    reply.code(response.status);
    for (const [name, value] of Object.entries(responseHeaders(raw, response))) {
      reply.header(name, value);
    }
    if (response.status === 204) return reply.send();
    reply.header('content-type', 'text/plain; charset=utf-8');
    return reply.send(`${response.message}\n`);
  };
}
