/**
 * Takes pushed tasks: it authorizes, reads and runs the task of an HTTP request, and responds with the status
 * that makes the queue keep the task or drop it. It knows no web framework (those in adapters/ do). The path
 * does not matter, as the body says what the task is. It never throws, and runs nothing if it refuses.
 */
import { type Clock, systemClock } from '../../foundations/clock.ts';
import { hasCode, toError } from '../../foundations/errors.ts';
import { type Log, silentLog } from '../../foundations/log.ts';
import { type Metrics, noMetrics } from '../../foundations/metrics.ts';
import type { TaskClasses } from '../classes/task-classes.ts';
import { TqMetrics } from '../tq-metrics.ts';
import { BodyRoom } from './body-room.ts';
import { type BodyBounds, readBounded } from './bounded-body.ts';
import {
  type AuthorizePush,
  loopbackPushAuth,
  oidcPushAuth,
  type PushAuthOptions,
} from './push-auth.ts';
import { deliveryOf, type PushRequest, type PushResponse } from './push-request.ts';
import type { Receipt, ReceiptOutcome } from './receipt.ts';
import { type Delivery, type ReceiverParts, receive } from './receive.ts';

/** Responds to one request. Never throws. */
export type PushHandler = (request: PushRequest) => Promise<PushResponse>;

/** Runs around each task, such as in a span under `delivery.traceparent`. */
export type AroundPush = (delivery: Delivery, run: () => Promise<Receipt>) => Promise<Receipt>;

export interface PushOptions {
  readonly classes: TaskClasses;
  /** Says who may push. Without it, only programs on this machine may. */
  readonly auth?: PushAuthOptions;
  /** How large a body may be: 1 MiB unless given. */
  readonly maxBodyBytes?: number;
  /** How many bytes the bodies of all pushes in work may have: 64 of the largest unless given. */
  readonly maxHeldBytes?: number;
  readonly around?: AroundPush;
  /** Fetches the keys of the issuer: the global `fetch` unless given. */
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
  readonly log?: Log;
  readonly metrics?: Metrics;
}

/** Queues try again after any status but 200 to 299. */
const STATUSES: Readonly<Record<ReceiptOutcome, number>> = {
  done: 200,
  fatal: 202,
  ignored: 204,
  'bad-request': 400,
  'unknown-class': 404,
  'no-handler': 404,
  retry: 429,
  transient: 500,
};

const MAX_BODY_BYTES = 1024 * 1024;
const LARGEST_AT_ONCE = 64;

/** Throws `invalid-argument` if `auth` accepts nobody, or cannot be safe. */
export function createPushHandler(options: PushOptions): PushHandler {
  const parts = partsOf(options);
  const { maxBodyBytes } = parts;
  const room = new BodyRoom(options.maxHeldBytes ?? LARGEST_AT_ONCE * maxBodyBytes);
  return async (request) => {
    const held = room.open();
    try {
      const refusal = await refusalOf(parts, request);
      if (refusal) return refuse(parts, request, refusal);
      const body = await bodyOf(request, { maxBytes: maxBodyBytes, take: held.take });
      return 'status' in body ? refuse(parts, request, body) : await run(parts, request, body);
    } catch (error) {
      parts.log.error('a push failed', { error: toError(error) });
      return { status: 500, message: 'internal error', headers: {} };
    } finally {
      held.release();
    }
  };
}

interface Parts extends ReceiverParts {
  readonly authorize: AuthorizePush;
  readonly maxBodyBytes: number;
  readonly around: AroundPush;
}

function partsOf(options: PushOptions): Parts {
  const { classes, auth, clock = systemClock, log = silentLog, metrics = noMetrics } = options;
  const verifying = { clock, ...(options.fetch ? { fetch: options.fetch } : {}) };
  return {
    classes,
    clock,
    log,
    metrics: new TqMetrics(metrics),
    authorize: auth ? oidcPushAuth(auth, verifying) : loopbackPushAuth,
    maxBodyBytes: options.maxBodyBytes ?? MAX_BODY_BYTES,
    around: options.around ?? ((_, run) => run()),
  };
}

/** Says why no task is run. */
interface Refusal {
  readonly status: number;
  /** One word, for metrics. */
  readonly reason: string;
  readonly message: string;
  readonly error?: Error;
}

async function refusalOf(parts: Parts, request: PushRequest): Promise<Refusal | undefined> {
  if (request.method !== 'POST') {
    return { status: 405, reason: 'method', message: 'tasks are pushed by POST' };
  }
  try {
    await parts.authorize(request);
  } catch (error) {
    return authRefusal(error);
  }
  return Number(request.headers['content-length']) > parts.maxBodyBytes
    ? tooLarge(parts.maxBodyBytes)
    : undefined;
}

function authRefusal(error: unknown): Refusal {
  if (hasCode(error, 'unavailable')) {
    const { message } = error;
    return { status: 503, reason: 'no-keys', message, error };
  }
  if (hasCode(error, 'unauthenticated', 'permission-denied')) {
    return { status: 403, reason: 'auth', message: error.message, error };
  }
  throw error;
}

async function bodyOf({ body }: PushRequest, bounds: BodyBounds): Promise<Uint8Array | Refusal> {
  try {
    const read = await readBounded(body(), bounds);
    if (read === 'too-large') return tooLarge(bounds.maxBytes);
    return read === 'no-room' ? NO_ROOM : read;
  } catch (thrown) {
    const error = toError(thrown);
    const message = hasCode(error, 'failed-precondition')
      ? error.message
      : 'the body cannot be read';
    return { status: 500, reason: 'unreadable', message, error };
  }
}

const NO_ROOM: Refusal = {
  status: 503,
  reason: 'no-room',
  message: 'too many bytes of pushes are in work; try again',
};

function tooLarge(maxBytes: number): Refusal {
  return { status: 413, reason: 'too-large', message: `a body has at most ${maxBytes} bytes` };
}

function refuse(
  { log, metrics }: Parts,
  request: PushRequest,
  { status, reason, message, error }: Refusal,
): PushResponse {
  metrics.rejected(reason);
  log.warn('a push was refused', {
    status,
    reason,
    message,
    peerAddress: request.peerAddress,
    error,
  });
  return { status, message, headers: status === 405 ? { allow: 'POST' } : {} };
}

async function run(parts: Parts, request: PushRequest, body: Uint8Array): Promise<PushResponse> {
  const delivery = deliveryOf(request);
  const receipt = await parts.around(delivery, () => receive(parts, body, delivery));
  return { status: STATUSES[receipt.outcome], message: messageOf(receipt), headers: {} };
}

/** What a handler throws is only logged, since it may contain the payload. */
function messageOf({ outcome, error }: Receipt): string {
  const isRefused = outcome === 'unknown-class' || outcome === 'no-handler';
  return isRefused || outcome === 'bad-request' ? `${outcome}: ${error?.message}` : outcome;
}
