/**
 * Serves ResultSink on a port of this machine, by the protocols that servers of postlude have. Only callers
 * that send the token of LUCI_CONTEXT are let in: other users of the machine can reach the port as well.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import {
  CodedError,
  noMetrics,
  randomHex,
  respond,
  silentLog,
  systemClock,
} from '@postlude/queue/foundations';
import { Sink } from '../../gen/luci/resultsink/v1/sink_pb.js';
import type { AdmittedCall } from '../../server/admission/admission.ts';
import type { Authenticate } from '../../server/http/auth.ts';
import { ClientAddresses } from '../../server/http/client-address.ts';
import { OnePort } from '../../server/http/one-port.ts';
import { rpcRoutes } from '../../server/http/rpc-routes.ts';
import { connectService } from '../../server/http/rpc-service.ts';
import { CrossOrigin } from '../../server/prpc/cross-origin.ts';
import { openTracing } from '../../server/telemetry/tracing.ts';
import type { ServiceMethods } from '../../services/shared/service-methods.ts';
import { packageVersion } from '../process/version.ts';
import type { SinkAddress } from './luci-context.ts';

/** As large as requests of pRPC may be by default. A request may hold many results, and small artifacts. */
const MAX_REQUEST_BYTES = 64 * 1024 ** 2;
const REQUEST_TIMEOUT_MS = 60_000;
const MAX_CONNECTIONS = 1_000;
/** How long requests that the command has left behind may take. */
const CLOSING_MS = 5_000;
const SCHEME = 'ResultSink ';

export interface SinkServer extends SinkAddress {
  /** Takes no more requests, and returns once those under way have ended or have had their time. */
  close(): Promise<void>;
}

export async function openSinkServer(methods: ServiceMethods<typeof Sink>): Promise<SinkServer> {
  const token = randomHex(32);
  const draining = new AbortController();
  const service = connectService(Sink, methods, draining.signal);
  const rpcs = rpcRoutes({
    services: (router) => router.service(Sink, service),
    authenticate: requireToken(token),
    updateTokens: { invocationOf: () => undefined, realmOf: () => undefined },
    isAnonymousGranted: false,
    addresses: new ClientAddresses([]),
    // The bodies are bounded, and the command is our own.
    admission: { enter: async () => ADMITTED },
    crossOrigin: new CrossOrigin([]),
    tracing: openTracing({ serviceVersion: packageVersion(), to: 'nowhere' }),
    draining: draining.signal,
    maxRequestBytes: MAX_REQUEST_BYTES,
    observe: (_, { span }) => span.end(),
  });
  const port = new OnePort({
    handle: (request, response) => {
      if (!rpcs(request, response)) respond(response, 404, 'not found\n');
    },
    maxConnections: MAX_CONNECTIONS,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    clock: systemClock,
    log: silentLog,
    metrics: noMetrics,
  });
  const { host, port: number } = await port.listen({ host: '127.0.0.1', port: 0 });
  return { token, address: `${host}:${number}`, close: () => closeSoon(port) };
}

const ADMITTED: AdmittedCall = {
  hold: () => undefined,
  addResults: () => () => undefined,
  keep: () => () => undefined,
  release: () => undefined,
};

async function closeSoon(port: OnePort): Promise<void> {
  const closed = new AbortController();
  const closing = port.close().finally(() => closed.abort());
  await Promise.race([closing, systemClock.sleep(CLOSING_MS, closed.signal)]);
  port.destroy();
  await closing;
}

/** Compares hashes, which have one length, in a time that does not depend on the token. */
function requireToken(token: string): Authenticate {
  const expected = hash('sha256', SCHEME + token, 'buffer');
  return async (authorization) => {
    if (authorization === null) {
      throw new CodedError('unauthenticated', 'Authorization header is missing');
    }
    if (!timingSafeEqual(hash('sha256', authorization, 'buffer'), expected)) {
      throw new CodedError('permission-denied', 'no valid auth_token found');
    }
    return 'project:result-sink';
  };
}
