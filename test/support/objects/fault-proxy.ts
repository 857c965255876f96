/**
 * A proxy in front of a server that speaks HTTP. For each request, a test decides whether it fails,
 * and whether it does so before or after the server has acted on it.
 */
import type { ServerResponse } from 'node:http';
import {
  forward,
  type HttpServer,
  serveHttp,
  type WholeRequest,
  type WholeResponse,
} from './http-server.ts';

/**
 * - `lost-request`: the server gets nothing, and the connection is reset.
 * - `lost-response`: the server has acted, but the connection is reset before the response.
 * - `busy`: the server gets nothing, and the response is 503.
 * - `die-before`, `die-after`: as the first two, but the client gets no response at all, and nothing
 *   that it sends from now on reaches the server: it is dead.
 */
export type Fault = 'lost-request' | 'lost-response' | 'busy' | 'die-before' | 'die-after';

export interface ProxiedRequest {
  /** `PUT /bucket/key?partNumber=1`, as far as tests care. */
  readonly line: string;
  /** 1 is the first request. */
  readonly number: number;
}

export class FaultProxy {
  readonly #target: string;
  #server: HttpServer | undefined;
  readonly requests: string[] = [];
  /** Is asked for each request; no fault unless replaced. */
  decide: (request: ProxiedRequest) => Fault | undefined = () => undefined;
  /** Whether writes that fail their condition are said to have succeeded. */
  ignoresConditions = false;
  /** Resolves when the client has died. */
  readonly death: Promise<void>;
  readonly #die: () => void;
  #isDead = false;

  private constructor(target: string) {
    this.#target = target;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.death = promise;
    this.#die = resolve;
  }

  static async start(target: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    proxy.#server = await serveHttp((request, response) => proxy.#handle(request, response));
    return proxy;
  }

  get url(): string {
    return this.#server?.url ?? '';
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
  }

  async #handle(request: WholeRequest, response: ServerResponse): Promise<void> {
    if (this.#isDead) return;
    const line = `${request.method} ${request.url}`;
    this.requests.push(line);
    const fault = this.decide({ line, number: this.requests.length });
    if (fault === 'die-before') return this.#kill();
    if (fault === 'lost-request') return void response.destroy();
    if (fault === 'busy') return void response.writeHead(503).end(SLOW_DOWN);
    if (fault === 'die-after') this.#isDead = true;
    const { status, headers, body } = await this.#forward(request);
    if (fault === 'die-after') return this.#kill();
    if (fault === 'lost-response') return void response.destroy();
    // The sessions of uploads must come back through the proxy.
    const location = headers.location?.replace(this.#target, this.url);
    response.writeHead(status, { ...headers, ...(location ? { location } : {}) }).end(body);
  }

  async #forward(request: WholeRequest): Promise<WholeResponse> {
    const response = await forward(this.#target, request);
    if (response.status !== 412 || !this.ignoresConditions) return response;
    return { status: 200, headers: { etag: '"1"' }, body: Buffer.from('{}') };
  }

  #kill(): void {
    this.#isDead = true;
    this.#die();
  }
}

const SLOW_DOWN = '<Error><Code>SlowDown</Code><Message>Please reduce your rate.</Message></Error>';
