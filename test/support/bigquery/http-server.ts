/** The HTTP API: `tables`, `tabledata.insertAll` and `jobs`. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { status } from '@grpc/grpc-js';
import { ApiError } from './errors.ts';
import type { Fault, FaultPlan, Operation } from './faults.ts';
import { insertAll } from './insert-all.ts';
import type { TableName } from './table.ts';
import type { Warehouse } from './warehouse.ts';

const TABLES =
  /^\/bigquery\/v2\/projects\/([^/]+)\/datasets\/([^/]+)\/tables(?:\/([^/]+)(\/insertAll)?)?$/;
const JOBS = /^\/bigquery\/v2\/projects\/([^/]+)\/jobs(?:\/([^/]+))?$/;
const OPERATIONS: Readonly<Record<string, Operation>> = {
  'GET table': 'tables.get',
  'POST tables': 'tables.insert',
  'PATCH table': 'tables.patch',
  'DELETE table': 'tables.delete',
  'POST insertAll': 'tabledata.insertAll',
  'POST jobs': 'jobs.insert',
  'GET job': 'jobs.get',
};
/** HTTP statuses for the gRPC codes that faults name. */
const CODES: Readonly<Record<number, number>> = {
  [status.UNAVAILABLE]: 503,
  [status.INTERNAL]: 500,
  [status.RESOURCE_EXHAUSTED]: 429,
  [status.PERMISSION_DENIED]: 403,
  [status.NOT_FOUND]: 404,
};

type Body = Readonly<Record<string, unknown>>;
interface Call {
  readonly operation: Operation;
  /** Of a job, its id has the place of the table. */
  readonly name: TableName;
  readonly ifMatch: string | undefined;
  readonly location: string | undefined;
}

export class HttpServer {
  readonly #server: Server;
  readonly #warehouse: Warehouse;
  readonly #faults: FaultPlan;
  readonly #sockets = new Set<Socket>();

  private constructor(warehouse: Warehouse, faults: FaultPlan) {
    this.#warehouse = warehouse;
    this.#faults = faults;
    // A connection that the server closed while a request was on its way would fail a test by chance.
    const options = { keepAliveTimeout: 0, requestTimeout: 0 };
    this.#server = createServer(options, (request, response) => {
      void this.#serve(request, response);
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(warehouse: Warehouse, faults: FaultPlan): Promise<HttpServer> {
    const server = new HttpServer(warehouse, faults);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    return `http://127.0.0.1:${address.port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = await this.#read(request);
      const call = callOf(request);
      const fault = this.#faults.arrive(call.operation);
      if (failed(fault, 'before', request)) return;
      if (fault?.kind === 'late') {
        request.socket.resetAndDestroy();
        await fault.until;
      }
      const answer = this.#handle(call, body);
      if (fault?.kind === 'slow') await fault.until;
      if (failed(fault, 'after', request)) return;
      send(response, answer === undefined ? 204 : 200, answer);
    } catch (error) {
      if (request.destroyed && !request.complete) return; // the client has gone
      if (!(error instanceof ApiError)) throw error;
      send(response, error.code, error.toJSON());
    }
  }

  async #read(request: IncomingMessage): Promise<Body> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const { insertAllBytes } = this.#warehouse.limits;
    if (bytes.length > 2 * insertAllBytes) {
      throw new ApiError(413, 'requestTooLarge', 'Request Entity Too Large');
    }
    if (bytes.length > insertAllBytes) {
      const message = `Request payload size exceeds the limit: ${insertAllBytes} bytes.`;
      throw new ApiError(400, 'badRequest', message);
    }
    return parsed(bytes);
  }

  #handle({ operation, name, ifMatch, location }: Call, body: Body): object | undefined {
    const warehouse = this.#warehouse;
    switch (operation) {
      case 'tables.get':
        return warehouse.get(name).resource;
      case 'tables.insert':
        return warehouse.create({ ...name, table: tableIn(body) }, body).resource;
      case 'tables.patch': {
        const table = warehouse.get(name);
        table.patch(body, ifMatch);
        return table.resource;
      }
      case 'tables.delete':
        warehouse.delete(name);
        return undefined;
      case 'jobs.insert':
        return warehouse.jobs.insert(name.project, body);
      case 'jobs.get':
        return warehouse.jobs.get(name.project, name.table, location);
      default:
        return insertAll(warehouse, warehouse.writable(name), body);
    }
  }
}

function callOf({ method, url = '', headers }: IncomingMessage): Call {
  const [path = '', query] = url.split('?');
  const match = TABLES.exec(path);
  const job = JOBS.exec(path);
  const [, project = '', dataset = '', table, rest] = (
    match ?? (job ? ['', job[1], '', job[2]] : [])
  ).map((part) => (part === undefined ? undefined : decodeURIComponent(part)));
  const tableTarget = rest ? 'insertAll' : table ? 'table' : 'tables';
  const target = job ? (table ? 'job' : 'jobs') : tableTarget;
  const operation = match || job ? OPERATIONS[`${method} ${target}`] : undefined;
  if (!operation) throw new ApiError(404, 'notFound', `No such method: ${method} ${path}`);
  return {
    operation,
    name: { project, dataset, table: table ?? '' },
    ifMatch: headers['if-match'],
    location: new URLSearchParams(query).get('location') ?? undefined,
  };
}

function tableIn({ tableReference }: Body): string {
  const { tableId } = (tableReference ?? {}) as { readonly tableId?: string };
  if (tableId) return tableId;
  throw new ApiError(400, 'required', 'Required parameter is missing: tableId');
}

function parsed(bytes: Buffer): Body {
  if (bytes.length === 0) return {};
  try {
    return JSON.parse(bytes.toString('utf8')) as Body;
  } catch (cause) {
    if (cause instanceof SyntaxError) throw new ApiError(400, 'parseError', 'Parse Error');
    throw cause;
  }
}

/** Returns true if the connection is broken; throws if the fault is an error. */
function failed(
  fault: Fault | undefined,
  when: 'before' | 'after',
  { socket }: IncomingMessage,
): boolean {
  if (fault?.kind === 'error' && when === 'before') throw fault.error;
  if (fault?.kind === 'status' && fault.when === when) {
    const code = CODES[status[fault.code]] ?? 500;
    throw new ApiError(code, 'backendError', 'This fault is injected.');
  }
  if (fault?.kind !== 'cut' || fault.when !== when) return false;
  socket.resetAndDestroy();
  return true;
}

function send(response: ServerResponse, code: number, body: object | undefined): void {
  response.writeHead(code, { 'content-type': 'application/json; charset=UTF-8' });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}
