/** Finds the method that a request of pRPC is for: `POST /prpc/SERVICE/METHOD`. */
import type { DescService } from '@bufbuild/protobuf';
import {
  Code,
  type ConnectRouter,
  createServiceImplSpec,
  type ServiceImpl,
} from '@connectrpc/connect';
import type { UniversalHandler } from '@connectrpc/connect/protocol';
import {
  type NodeServerRequest,
  type NodeServerResponse,
  respond,
} from '@postlude/queue/foundations';
import type { CrossOrigin } from './cross-origin.ts';
import { CODE_HEADER, type Gate, prpcHandler } from './prpc-handler.ts';

const PREFIX = '/prpc';

export interface PrpcRouterOptions {
  readonly gate: Gate;
  readonly crossOrigin: CrossOrigin;
}

export class PrpcRouter {
  readonly #gate: Gate;
  readonly #crossOrigin: CrossOrigin;
  readonly #handlers = new Map<string, UniversalHandler>();

  constructor({ gate, crossOrigin }: PrpcRouterOptions) {
    this.#gate = gate;
    this.#crossOrigin = crossOrigin;
  }

  /** Returns a router that registers each service here as well. */
  beside(router: ConnectRouter): ConnectRouter {
    const both: ConnectRouter = {
      ...router,
      service: (service, methods, options) => {
        router.service(service, methods, options);
        this.#register(service, methods);
        return both;
      },
    };
    return both;
  }

  /** pRPC has no streams. */
  #register<S extends DescService>(service: S, methods: Partial<ServiceImpl<S>>): void {
    for (const spec of Object.values(createServiceImplSpec(service, methods).methods)) {
      if (spec.kind !== 'unary') continue;
      const handler = prpcHandler(spec, this.#gate);
      this.#handlers.set(PREFIX + handler.requestPath, handler);
    }
  }

  /** Returns `undefined` if there is nothing to call: then the request has been responded to. */
  find(request: NodeServerRequest, response: NodeServerResponse): UniversalHandler | undefined {
    this.#crossOrigin.setHeaders(request, response);
    if (request.method !== 'POST') return refuseMethod(request, response);
    if (this.#crossOrigin.isUnasked(request)) {
      return refuse(
        response,
        Code.PermissionDenied,
        'pages of other sites may not call this server',
      );
    }
    const handler = this.#handlers.get(pathOf(request));
    if (!handler) {
      request.resume();
      return refuse(response, Code.Unimplemented, 'the server has no such method by pRPC');
    }
    // Without this, the checks of the body would ask for the compression of the request, as Connect does.
    request.headers['accept-encoding'] ??= 'identity';
    return handler;
  }
}

export function isPrpc(request: NodeServerRequest): boolean {
  return pathOf(request).startsWith(`${PREFIX}/`);
}

function pathOf({ url = '' }: NodeServerRequest): string {
  return url.split('?', 1)[0] ?? '';
}

function refuseMethod(request: NodeServerRequest, response: NodeServerResponse): undefined {
  const isPreflight = request.method === 'OPTIONS';
  if (!isPreflight) response.setHeader('allow', 'OPTIONS, POST');
  respond(response, isPreflight ? 200 : 405, isPreflight ? '' : 'only POST is allowed\n');
}

function refuse(response: NodeServerResponse, code: Code, problem: string): undefined {
  response.setHeader(CODE_HEADER, String(code));
  respond(response, code === Code.Unimplemented ? 501 : 403, `${problem}\n`);
}
