/**
 * Resumable uploads as Google Cloud Storage serves them, in front of fake-gcs-server, which begins and
 * ends them as it should, but neither tells how far an upload has come nor notices that a chunk is
 * sent again: it then appends it a second time. Everything else is passed on.
 */
import type { ServerResponse } from 'node:http';
import {
  forward,
  type HttpServer,
  serveHttp,
  type WholeRequest,
  type WholeResponse,
} from './http-server.ts';

export class UploadSessions {
  readonly #target: string;
  readonly #received = new Map<string, Buffer>();
  readonly #finished = new Map<string, WholeResponse>();
  #server: HttpServer | undefined;

  private constructor(target: string) {
    this.#target = target;
  }

  static async start(target: string): Promise<UploadSessions> {
    const sessions = new UploadSessions(target);
    sessions.#server = await serveHttp((request, response) => sessions.#handle(request, response));
    return sessions;
  }

  get url(): string {
    return this.#server?.url ?? '';
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
  }

  async #handle(request: WholeRequest, response: ServerResponse): Promise<void> {
    const id = new URL(request.url, this.url).searchParams.get('upload_id');
    if (id !== null) return await this.#handleSession(id, request, response);
    const { status, headers, body } = await forward(this.#target, request);
    const location = headers.location?.replace(this.#target, this.url);
    response.writeHead(status, { ...headers, ...(location ? { location } : {}) }).end(body);
    const begun = location && new URL(location).searchParams.get('upload_id');
    if (begun) this.#received.set(begun, Buffer.alloc(0));
  }

  async #handleSession(id: string, request: WholeRequest, response: ServerResponse) {
    const finished = this.#finished.get(id);
    if (finished) return reply(response, finished);
    const received = this.#received.get(id);
    if (request.method === 'DELETE') {
      this.#received.delete(id);
      return void response.writeHead(499).end();
    }
    const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+)$/.exec(request.headers['content-range'] ?? '');
    if (!received || !range) return void response.writeHead(received ? 400 : 404).end();
    const from = range[1] === undefined ? received.length : Number(range[1]);
    // What is sent again is skipped; a gap is not accepted.
    const isGap = from > received.length;
    const added = isGap ? Buffer.alloc(0) : request.body.subarray(received.length - from);
    const all = Buffer.concat([received, added]);
    this.#received.set(id, all);
    if (all.length === Number(range[2])) {
      return await this.#finish(id, { ...request, body: all }, response);
    }
    const headers = all.length === 0 ? {} : { range: `bytes=0-${all.length - 1}` };
    return void response.writeHead(308, headers).end();
  }

  async #finish(id: string, request: WholeRequest, response: ServerResponse): Promise<void> {
    const { length } = request.body;
    const headers = {
      ...request.headers,
      'content-length': String(length),
      'content-range': `bytes 0-${length - 1}/${length}`,
    };
    const finished = await forward(this.#target, { ...request, headers });
    this.#received.delete(id);
    if (finished.status === 200) this.#finished.set(id, finished);
    reply(response, finished);
  }
}

function reply(response: ServerResponse, { status, headers, body }: WholeResponse): void {
  response.writeHead(status, headers).end(body);
}
