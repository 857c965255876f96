/** Pushes by way of Fastify 5. */
import type { NodeServerRequest, NodeServerResponse } from '../../../foundations/node-messages.ts';
import type { PushHandler } from '../push.ts';
import { answerHeaders, nodePushRequest } from './node.ts';
import { type ParsedBody, parsedOrStream } from './parsed-body.ts';

/** What is used of a request of Fastify. */
export interface FastifyRequestLike extends ParsedBody {
  readonly raw: NodeServerRequest;
}

/** What is used of a reply of Fastify. */
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

/** What is used of an instance of Fastify. */
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
 * A plugin: `app.register(fastifyPush(push), { prefix: '/internal/tasks' })`. Bodies are not parsed
 * there, whatever parsers the application has, so that nothing is read of what is refused.
 */
export function fastifyPush(push: PushHandler): (instance: FastifyLike) => Promise<void> {
  return async (instance) => {
    instance.removeAllContentTypeParsers();
    instance.addContentTypeParser('*', {}, async (_, payload) => payload);
    instance.all('/*', fastifyPushHandler(push));
  };
}

/** For a route of your own. Works with bodies that the application's parsers have parsed, too. */
export function fastifyPushHandler(push: PushHandler): FastifyPushHandler {
  return async (request, reply) => {
    const { raw } = request;
    const body = (): AsyncIterable<Uint8Array> => parsedOrStream(raw, request);
    const answer = await push(nodePushRequest(raw, reply.raw, body));
    reply.code(answer.status);
    for (const [name, value] of Object.entries(answerHeaders(raw, answer))) {
      reply.header(name, value);
    }
    if (answer.status === 204) return reply.send();
    reply.header('content-type', 'text/plain; charset=utf-8');
    return reply.send(`${answer.message}\n`);
  };
}
