/** A client that keeps no rules: it opens connections, sends requests of any form, and counts both. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  constants,
} from 'node:http2';
import { connect, type Socket } from 'node:net';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { randomHex, systemClock } from '@postlude/queue/foundations';
import { Recorder } from '../../src/gen/luci/resultdb/v1/recorder_pb.js';

export interface AttackerOptions {
  readonly url: string;
  /** 1 for the whole attack; less for a part of it. */
  readonly scale: number;
  /** How long a wave keeps what it has opened. */
  readonly holdMs: number;
  readonly signal: AbortSignal;
}

export interface AttackCounts {
  readonly bytes: number;
  readonly connections: number;
  readonly requests: number;
  readonly outcomes: Readonly<Record<string, number>>;
}

export interface AttackRequest {
  readonly path: string;
  readonly body?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export class Attacker {
  readonly signal: AbortSignal;
  readonly #options: AttackerOptions;
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  readonly #outcomes = new Map<string, number>();
  #bytes = 0;
  #connections = 0;
  #requests = 0;

  constructor(options: AttackerOptions) {
    this.#options = options;
    this.signal = options.signal;
    this.#port = Number(new URL(options.url).port);
  }

  get counts(): AttackCounts {
    const open = [...this.#sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
    return {
      bytes: this.#bytes + open,
      connections: this.#connections,
      requests: this.#requests,
      outcomes: Object.fromEntries(this.#outcomes),
    };
  }

  /** This number for the whole attack, and fewer for a part of it. */
  many(whole: number): number {
    return Math.max(1, Math.ceil(whole * this.#options.scale));
  }

  hold(): Promise<void> {
    return systemClock.sleep(this.#options.holdMs, this.signal);
  }

  socket(port = this.#port): Socket {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    this.#connections += 1;
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#bytes += socket.bytesWritten;
    });
    return socket;
  }

  session(socket = this.socket()): ClientHttp2Session {
    const session = connectHttp2(this.#options.url, { createConnection: () => socket });
    session.on('error', () => undefined);
    return session;
  }

  /** Resolves with the status and the code of the error, or `closed`. */
  async post(session: ClientHttp2Session, request: AttackRequest): Promise<string> {
    const outcome = await readOutcome(this.open(session, request)?.end(request.body));
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
    return outcome;
  }

  /** Begins a request whose body is still to be sent; nothing if the connection is closed. */
  open(session: ClientHttp2Session, request: AttackRequest): ClientHttp2Stream | undefined {
    if (session.closed || session.destroyed) return undefined;
    this.#requests += 1;
    const own = { ':method': 'POST', ':path': request.path, 'content-type': 'application/proto' };
    const stream = session.request({ ...own, ...request.headers });
    stream.on('error', () => undefined);
    return stream;
  }

  /** Runs the work with connections of its own, and closes them. */
  async sessions<T>(count: number, work: (all: ClientHttp2Session[]) => Promise<T>): Promise<T> {
    const all = Array.from({ length: count }, () => this.session());
    try {
      return await work(all);
    } finally {
      for (const session of all) session.destroy();
    }
  }

  /** Creates an invocation, and returns its name and the header that permits to write to it. */
  async invocation() {
    const recorder = createClient(Recorder, createGrpcTransport({ baseUrl: this.#options.url }));
    const invocationId = `attack-${randomHex(8)}`;
    let token = '';
    await recorder.createInvocation(
      { invocationId, invocation: { realm: 'ci:attack' } },
      { onHeader: (header) => (token = header.get('update-token') ?? '') },
    );
    const headers = { 'update-token': token };
    return { recorder, headers, invocationId, name: `invocations/${invocationId}` };
  }

  /** Closes everything. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function readOutcome(stream: ClientHttp2Stream | undefined): Promise<string> {
  if (!stream) return Promise.resolve('closed');
  return new Promise((resolve) => {
    let status = '';
    let text = '';
    stream.setEncoding('utf8');
    stream.once('response', (headers) => (status = String(headers[constants.HTTP2_HEADER_STATUS])));
    stream.on('data', (chunk: string) => {
      if (text.length < 1000) text += chunk;
    });
    stream.once('close', () => {
      const code = /"code":"([a-z_]+)"/.exec(text)?.[1];
      resolve([status || 'closed', ...(code === undefined ? [] : [code])].join(' '));
    });
  });
}
