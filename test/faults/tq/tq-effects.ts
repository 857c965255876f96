/** Shared by fault runs of pushed tasks and their server processes: tables, task class and messages. */

import { standardPayload } from '@postlude/queue';
import { int, table, text } from '@postlude/queue/storage';
import { taskClass } from '@postlude/queue/tq';
import { z } from 'zod';

/** The numbers of transactions that have committed, written by those transactions. */
export const addedNumbers = table('added_numbers', { number: int }, ['number']);

/** The numbers whose tasks have run. They are no key, so that a second run is seen and not refused. */
export const ranNumbers = table('ran_numbers', { nonce: text, number: int }, ['nonce']);

export const CREATE_TABLES = `
  CREATE TABLE added_numbers (number bigint PRIMARY KEY);
  CREATE TABLE ran_numbers (nonce text PRIMARY KEY, number bigint NOT NULL);
  INSERT INTO added_numbers VALUES (-1)`;

/** This number is in `added_numbers` from the start, so that a transaction with it fails at its commit. */
export const TAKEN_NUMBER = -1;

export const NUMBERED = taskClass({
  id: 'numbered',
  payload: standardPayload(z.object({ number: z.int() })),
  kind: 'transactional',
  queue: 'numbers',
});

export const QUEUE = 'projects/p/locations/l/queues/numbers';
export const PUSH_AS = 'pusher@example.com';
export const AUDIENCE = 'https://postlude.example.com';

/** The tasks that one transaction adds, and how it ends. */
export interface Chunk {
  readonly id: number;
  readonly numbers: readonly number[];
  readonly end: 'commits' | 'throws' | 'fails-at-commit';
}

/** A message from a server process. */
export type ServerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'settled'; readonly id: number }
  | { readonly kind: 'swept'; readonly count: number };

/** The only argument of a server process, as JSON. */
export interface TqServerOptions {
  readonly databaseUrl: string;
  readonly schema: string;
  readonly port: number;
  readonly emulatorHost: string;
  readonly issuer: string;
}

/** How far the clocks of sweeps are ahead, so that they meet reminders that others are about to submit. */
export const SWEEP_AHEAD_MS = 61_000;
export const SWEEP_EVERY_MS = 2_000;
