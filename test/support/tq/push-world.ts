/** A push handler with a task whose handler the test controls, and what was counted and logged. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Metrics, noMetrics } from '@postlude/queue/foundations';
import { FakeClock } from '@postlude/queue/testing';
import type { PushRequest, PushTask, PushTaskContext } from '@postlude/queue/tq';
import { createPushHandler, nodePush, type PushOptions, TaskClasses } from '@postlude/queue/tq';
import { onTestFinished } from 'vitest';
import { encodeEnvelope } from '../../../packages/queue/src/tq/classes/envelope.ts';
import { RecordingLog } from '../recording-log.ts';
import { INNER, MAIL } from './tq-world.ts';

/** The envelope of a task whose class has a handler here. */
export const MAIL_ENVELOPE = Buffer.from(encodeEnvelope(MAIL, { to: 'a' })).toString();

export function openPushWorld(config: Partial<PushOptions> = {}) {
  const clock = new FakeClock();
  const log = new RecordingLog();
  const handled: { readonly task: PushTask; readonly context: PushTaskContext }[] = [];
  const rejected: (string | undefined)[] = [];
  const world = { handle: (_context: PushTaskContext): Promise<void> => Promise.resolve() };
  const classes = new TaskClasses([MAIL, INNER]);
  classes.attach(MAIL, async (task, context) => {
    handled.push({ task, context });
    await world.handle(context);
  });
  const metrics = countingRejections(rejected);
  const push = createPushHandler({ classes, clock, log, metrics, ...config });
  return Object.assign(world, { push, clock, log, handled, rejected });
}

function countingRejections(rejected: (string | undefined)[]): Metrics {
  return {
    ...noMetrics,
    counter: (name) => ({
      add: (_, fields) => {
        if (name === 'postlude.tq.rejected') rejected.push(fields?.reason);
      },
    }),
  };
}

/** Serves a push world by node:http. */
export async function servePushWorld(config: Partial<PushOptions> = {}) {
  const world = openPushWorld(config);
  const pushes = nodePush(world.push);
  const origin = await listen(
    createServer((request, response) => {
      if (!pushes(request, response)) response.writeHead(418).end();
    }),
  );
  const url = `${origin}/internal/tasks/t/mail`;
  const post = (body = MAIL_ENVELOPE, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(url, { method: 'POST', body, headers });
  return Object.assign(world, { origin, url, post });
}

/** Serves until the test ends. Returns the origin. */
export async function listen(server: Server | RequestListener): Promise<string> {
  const running = typeof server === 'function' ? createServer(server) : server;
  await new Promise<void>((resolve) => running.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    running.close();
    running.closeAllConnections();
  });
  return `http://127.0.0.1:${(running.address() as AddressInfo).port}`;
}

/** Returns the push of a program on this machine, as an adapter delivers it. */
export function localRequest(facts: Partial<PushRequest>): PushRequest {
  return {
    method: 'POST',
    headers: {},
    host: 'localhost',
    peerAddress: '127.0.0.1',
    body: async function* () {
      yield Buffer.from(MAIL_ENVELOPE);
    },
    signal: new AbortController().signal,
    ...facts,
  };
}
