/** Turns a task into the request that is submitted for it, and finds every mistake of the caller. */
import { createHash } from 'node:crypto';
import type { EpochMs } from '../../foundations/clock.ts';
import { CodedError } from '../../foundations/errors.ts';
import {
  type CloudPlace,
  fullQueueName,
  fullTopicName,
  isQueueName,
  isTopicName,
} from '../classes/destination.ts';
import { encodeEnvelope } from '../classes/envelope.ts';
import type { CustomRequest, Destination, NewPushTask } from '../classes/task-class.ts';
import type { QueueRequest, SubmitRequest, TopicRequest } from './submitter.ts';

export interface RequestSettings extends CloudPlace {
  /** Keeps the deduplication keys of programs on one queue apart. */
  readonly namespace?: string;
  /** The host or origin for classes without one: `127.0.0.1` unless given. */
  readonly defaultTargetHost?: string;
  /** The service account whose OIDC token the pushes carry. */
  readonly pushAs?: string;
  /** The audience of that token: the request's URL unless given. */
  readonly pushAudience?: string;
}

export interface RequestContext {
  readonly settings: RequestSettings;
  readonly now: EpochMs;
  /** The W3C trace context in which the task is added. */
  readonly traceparent: string | undefined;
}

export const TRACE_HEADER = 'X-Luci-Tq-Trace-Context';
export const ETA_HEADER = 'X-Luci-Tq-Expected-ETA';
export const DEFAULT_ROUTING_PREFIX = '/internal/tasks/t';
/** What a reminder may hold; Cloud Tasks takes a megabyte, and most of a row is for others. */
export const MAX_BODY_BYTES = 100 * 1024;
const MAX_URL_PATH = 2083;
const MAX_TIME = Date.UTC(9999, 11, 31);
const NAMESPACE_PATTERN = /^([a-zA-Z_][0-9a-zA-Z_]{0,49})?$/;

/** Throws `invalid-argument` for an invalid namespace. */
export function checkSettings(settings: RequestSettings): RequestSettings {
  if (NAMESPACE_PATTERN.test(settings.namespace ?? '')) return settings;
  throw invalid(`namespace ${settings.namespace}: must be up to 50 of A-Z a-z 0-9 _`);
}

/** Throws `invalid-argument` if such a task cannot be submitted. */
export function prepareRequest<P>(task: NewPushTask<P>, context: RequestContext): SubmitRequest {
  const { class: taskClass } = task;
  const payload = task.payload as P;
  const custom = taskClass.custom?.(payload);
  const body = custom ? (custom.body ?? new Uint8Array()) : encodeEnvelope(taskClass, payload);
  if (body.length > MAX_BODY_BYTES) {
    throw invalid(
      `task of ${taskClass.id}: ${body.length} bytes, at most ${MAX_BODY_BYTES} can be: store the data, and let the task name it`,
    );
  }
  return taskClass.topic === undefined
    ? queueRequest(task, { payload, custom, body }, context)
    : topicRequest(task, { payload, custom, body }, context);
}

interface Content<P> {
  readonly payload: P;
  readonly custom: CustomRequest | undefined;
  readonly body: Uint8Array;
}

function queueRequest<P>(
  task: NewPushTask<P>,
  { payload, custom, body }: Content<P>,
  { settings, now, traceparent }: RequestContext,
): QueueRequest {
  const { class: taskClass } = task;
  const processAfter = dueTime(task, now);
  const url = urlOf(task, custom, settings);
  const name = task.deduplicationKey && taskName(settings, taskClass.id, task.deduplicationKey);
  return {
    kind: 'queue',
    classId: taskClass.id,
    queue: fullQueueName(pick(taskClass.queue, payload, isQueueName), settings),
    ...(name ? { name } : {}),
    method: custom?.method ?? 'POST',
    url,
    headers: {
      ...(custom ? custom.headers : { 'Content-Type': 'application/json' }),
      ...(traceparent === undefined ? {} : { [TRACE_HEADER]: traceparent }),
      [ETA_HEADER]: etaText(processAfter ?? now),
    },
    body,
    ...(processAfter === undefined ? {} : { processAfter }),
    ...pushAs(settings, url),
  };
}

function topicRequest<P>(
  { class: taskClass, deduplicationKey, delayMs, processAfter }: NewPushTask<P>,
  { payload, custom, body }: Content<P>,
  { settings, traceparent }: RequestContext,
): TopicRequest {
  if (deduplicationKey !== undefined || delayMs !== undefined || processAfter !== undefined) {
    throw invalid(
      `task of ${taskClass.id}: a topic knows no deduplicationKey, delayMs or processAfter`,
    );
  }
  return {
    kind: 'topic',
    classId: taskClass.id,
    topic: fullTopicName(pick(taskClass.topic, payload, isTopicName), settings),
    data: body,
    attributes: {
      ...custom?.headers,
      ...(traceparent === undefined ? {} : { [TRACE_HEADER]: traceparent }),
    },
  };
}

/** The name that tasks of one namespace, class and key share: a SHA-256 in hex, as LUCI's. */
export function taskName({ namespace }: RequestSettings, classId: string, key: string): string {
  const parts = [namespace ?? '', classId, key];
  return createHash('sha256').update(parts.join('\0')).digest('hex');
}

function dueTime<P>(
  { class: { id }, delayMs, processAfter }: NewPushTask<P>,
  now: EpochMs,
): EpochMs | undefined {
  if (delayMs !== undefined && processAfter !== undefined) {
    throw invalid(`task of ${id}: delayMs and processAfter exclude each other`);
  }
  const time = delayMs === undefined ? processAfter : now + delayMs;
  if (time === undefined || (time >= 0 && time <= MAX_TIME)) return time;
  throw invalid(`task of ${id}: ${time} is not a time that it could run at`);
}

/** Formats a time as seconds since 1970 with six decimals. */
function etaText(time: EpochMs): string {
  const micros = Math.round(time * 1000);
  return `${Math.floor(micros / 1_000_000)}.${String(micros % 1_000_000).padStart(6, '0')}`;
}

type Headers = Readonly<Record<string, string | undefined>>;

/** Returns when a delivered task was due. The case of header names does not matter. */
export function dueTimeOfHeaders(headers: Headers): EpochMs | undefined {
  const seconds = Number(headerOf(headers, ETA_HEADER) ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}

/** Returns the trace context that a delivered task carries. */
export function traceparentOfHeaders(headers: Headers): string | undefined {
  return headerOf(headers, TRACE_HEADER);
}

function headerOf(headers: Headers, name: string): string | undefined {
  const wanted = name.toLowerCase();
  return Object.entries(headers).find(([key]) => key.toLowerCase() === wanted)?.[1];
}

function urlOf<P>(
  { class: taskClass, title }: NewPushTask<P>,
  custom: CustomRequest | undefined,
  settings: RequestSettings,
): string {
  const host = taskClass.targetHost ?? settings.defaultTargetHost ?? '127.0.0.1';
  const origin = host.includes('://') ? host : `https://${host}`;
  const prefix = (taskClass.routingPrefix ?? DEFAULT_ROUTING_PREFIX).replace(/\/?$/, '/');
  const path =
    custom?.relativeUri ?? `${prefix}${taskClass.id}${title ? `/${escapeTitle(title)}` : ''}`;
  if (!path.startsWith('/')) throw invalid(`task of ${taskClass.id}: ${path} must begin with a /`);
  if (/\s/.test(path)) throw invalid(`task of ${taskClass.id}: a relative URI has no blanks`);
  if (/\/(\.|%2e){1,2}(\/|$)/i.test(path.split(/[?#]/, 1)[0] ?? '')) {
    throw invalid(
      `task of ${taskClass.id}: a title has no parts "." and "..": they lead elsewhere`,
    );
  }
  if (path.length > MAX_URL_PATH) {
    throw invalid(`task of ${taskClass.id}: a URL's path has at most ${MAX_URL_PATH} characters`);
  }
  return origin + path;
}

/** Escapes a title for a path. Its slashes stay. */
function escapeTitle(title: string): string {
  return encodeURI(title.toWellFormed()).replace(/[?#]/g, encodeURIComponent);
}

function pick<P>(
  destination: Destination<P> | undefined,
  payload: P,
  isName: (name: string) => boolean,
): string {
  if (typeof destination !== 'function') return destination ?? '';
  const picked = destination(payload);
  if (isName(picked)) return picked;
  throw invalid(`${picked} is not the name of a queue or topic`);
}

function pushAs({ pushAs, pushAudience }: RequestSettings, url: string): Partial<QueueRequest> {
  return pushAs === undefined ? {} : { pushAs: { email: pushAs, audience: pushAudience ?? url } };
}

function invalid(message: string): CodedError {
  return new CodedError('invalid-argument', message);
}
