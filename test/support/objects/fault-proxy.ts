/**
 * A proxy in front of a server that speaks HTTP. For each request, a test decides whether it fails,
 * and whether it does so before or after the server has acted on it.
 */
import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { buffer } from 'node:stream/consumers';

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
  readonly #server: Server;
  readonly #target: URL;
  readonly requests: string[] = [];
  /** Is asked for each request; no fault unless replaced. */
  decide: (request: ProxiedRequest) => Fault | undefined = () => undefined;
  /** Resolves when the client has died. */
  readonly death: Promise<void>;
  readonly #die: () => void;
  #isDead = false;

  private constructor(target: string) {
    this.#target = new URL(target);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.death = promise;
    this.#die = resolve;
    this.#server = createServer((incoming, response) => {
      this.#handle(incoming, response).catch(() => response.destroy());
    });
  }

  static async start(target: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy is closed');
    return `http://127.0.0.1:${address.port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    if (this.#isDead) return;
    const line = `${incoming.method} ${incoming.url}`;
    this.requests.push(line);
    const fault = this.decide({ line, number: this.requests.length });
    if (fault === 'die-before') return this.#kill();
    if (fault === 'lost-request') return void response.destroy();
    if (fault === 'busy') return void response.writeHead(503).end(SLOW_DOWN);
    if (fault === 'die-after') this.#isDead = true;
    const { status, headers, content } = await this.#forward(incoming, body);
    if (fault === 'die-after') return this.#kill();
    if (fault === 'lost-response') return void response.destroy();
    response.writeHead(status, headers).end(content);
  }

  #kill(): void {
    this.#isDead = true;
    this.#die();
  }

  async #forward({ method, url, headers }: IncomingMessage, body: Buffer) {
    const { hostname, port, origin } = this.#target;
    const { expect: _, ...kept } = headers;
    const options = { hostname, port, method, path: url, headers: kept };
    const forwarded = request({ ...options, agent: false });
    forwarded.end(body);
    const [answer] = (await once(forwarded, 'response')) as [IncomingMessage];
    const content = await buffer(answer);
    const { location } = answer.headers;
    // The sessions of uploads must come back through the proxy.
    const redirected = location ? { location: location.replace(origin, this.url) } : {};
    return {
      status: answer.statusCode ?? 502,
      headers: { ...answer.headers, ...redirected },
      content,
    };
  }
}

const SLOW_DOWN = '<Error><Code>SlowDown</Code><Message>Please reduce your rate.</Message></Error>';
