/** Routes requests by path: RPCs, pushed tasks, health, metrics. */

import {
  authorityOf,
  type Clock,
  type Log,
  type NodeServerRequest,
  type NodeServerResponse,
  namesLoopback,
  type RequestHandler,
  respond,
  sharedReading,
  toError,
} from '@postlude/queue/foundations';
import type { CrossOrigin } from '../prpc/cross-origin.ts';
import { isPrpc } from '../prpc/prpc-router.ts';
import { isFromForeignPage } from './foreign-requests.ts';
import type { Health } from './health.ts';

export interface RoutesOptions {
  readonly rpcs: RequestHandler;
  /** Contents of artifacts. */
  readonly artifacts: RequestHandler;
  /** Handles pushed tasks, and authenticates their callers itself. */
  readonly pushes: RequestHandler | undefined;
  readonly health: Pick<Health, 'notReadyBecause'>;
  readonly renderMetrics: () => Promise<string>;
  /**
   * Set in local mode: only requests that name this machine are served, so that no web page can reach
   * the server through a name of its own (see namesLoopback).
   */
  readonly onlyLoopbackHosts: boolean;
  readonly crossOrigin: Pick<CrossOrigin, 'allows'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Anybody may ask for the metrics, however often. */
const METRICS_CACHED_MS = 1_000;

type Route = (response: NodeServerResponse) => void | Promise<void>;

export function routes(
  options: RoutesOptions,
): (request: NodeServerRequest, response: NodeServerResponse) => void {
  const renderMetrics = sharedReading(
    { clock: options.clock, intervalMs: METRICS_CACHED_MS, keepsFailures: false },
    options.renderMetrics,
  );
  const pages = new Map<string, Route>([
    ['/healthz', (response) => respond(response, 200, 'ok\n')],
    ['/readyz', (response) => answerReadiness(options.health, response)],
    ['/metrics', (response) => answerMetrics(renderMetrics, response)],
  ]);
  const isAllowed = (request: NodeServerRequest): boolean =>
    isPrpc(request) && options.crossOrigin.allows(request);
  return (request, response) => {
    if (options.pushes?.(request, response)) return;
    if (options.onlyLoopbackHosts && !namesLoopback(authorityOf(request))) {
      respond(response, 403, 'without authentication, only requests to localhost are served\n');
      return;
    }
    if (options.onlyLoopbackHosts && isFromForeignPage(request) && !isAllowed(request)) {
      respond(
        response,
        403,
        'without authentication, pages of other sites may not call this server\n',
      );
      return;
    }
    if (options.rpcs(request, response) || options.artifacts(request, response)) return;
    const page = pages.get((request.url ?? '').split('?', 1)[0] ?? '');
    if (!page) respond(response, 404, 'not found\n');
    else if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      respond(response, 405, 'only GET and HEAD are allowed\n');
    } else void answerPage(page, response, options.log);
  };
}

async function answerPage(page: Route, response: NodeServerResponse, log: Log): Promise<void> {
  try {
    await page(response);
  } catch (error) {
    log.error('cannot render a page', { error: toError(error) });
    respond(response, 500, 'internal error\n');
  }
}

async function answerReadiness(
  health: Pick<Health, 'notReadyBecause'>,
  response: NodeServerResponse,
): Promise<void> {
  const reason = await health.notReadyBecause();
  if (reason === undefined) respond(response, 200, 'ready\n');
  else respond(response, 503, `not ready: ${reason}\n`);
}

async function answerMetrics(
  render: () => Promise<string>,
  response: NodeServerResponse,
): Promise<void> {
  const text = await render();
  response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
  respond(response, 200, text);
}
