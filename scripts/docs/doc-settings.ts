/** The declarations that the blocks of each page take for granted. */

const QUEUE = `
import type pg from 'pg';
import { z } from 'zod';
declare const db: import('@postlude/queue').Database;
declare const queue: import('@postlude/queue').TaskQueue;
declare const client: pg.Client;
declare const signal: AbortSignal;
declare const payload: { to: string };
`;

const README = `
import type pg from 'pg';
declare const client: pg.Client;
declare const queue: import('@postlude/queue').TaskQueue;
declare const LETTER: import('@postlude/queue').TaskType<{ orderId: string }>;
declare const orderId: string;
`;

const STORAGE = `
import type pg from 'pg';
declare const client: pg.Client;
declare const db: import('@postlude/queue').Database;
declare const queue: import('@postlude/queue').TaskQueue;
declare const tasks: import('@postlude/queue').NewTask[];
`;

const TQ = `
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Express } from 'express';
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { z } from 'zod';
declare const db: import('@postlude/queue').Database;
declare const submitter: import('@postlude/queue/tq').Submitter;
declare const clock: import('@postlude/queue/tq').Clock;
declare const [project, region, defaultTargetHost, pushAs]: [string, string, string, string];
declare const orderId: string;
declare const payload: { orderId: string };
declare const client: pg.Client;
declare const signal: AbortSignal;
declare const app: Express;
declare const fastify: FastifyInstance;
declare function confirm(orderId: string): Promise<void>;
declare function answerEverythingElse(request: IncomingMessage, response: ServerResponse): void;
declare function inSpanBelow<T>(traceparent: string | undefined, run: () => Promise<T>): Promise<T>;
interface DenoConnection { readonly remoteAddr: { readonly hostname: string } }
declare const Deno: {
  serve(handler: (request: Request, from: DenoConnection) => Promise<Response>): void;
};
`;

const TQ_REFERENCE = `${TQ}
declare const classes: import('@postlude/queue/tq').TaskClasses;
`;

const SEED = `
declare const db: import('@postlude/queue').Database;
declare const queue: import('@postlude/queue').TaskQueue;
declare const clock: import('@postlude/queue').Clock;
declare const id: import('@postlude/postlude/finalizer').InvocationId;
declare const destination: import('@postlude/postlude/exporter').BigQueryExport;
`;

export const SETTINGS_OF_PAGES: Readonly<Record<string, string>> = {
  'README.md': README,
  'docs/queue.md': QUEUE,
  'docs/storage.md': STORAGE,
  'docs/tq.md': TQ,
  'docs/tq-reference.md': TQ_REFERENCE,
  'docs/seed.md': SEED,
};
