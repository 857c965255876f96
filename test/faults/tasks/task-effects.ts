/** Fault runs count effects: each handler leaves one in the transaction that completes its task. */

import { noPayload, taskType } from '@postlude/queue';
import { openPostgres } from '@postlude/queue/postgres';
import { table, text } from '@postlude/queue/storage';

export const EFFECT = taskType('effect', noPayload);

/** The task is no key, so that a second effect of one is seen and not refused. */
export const effects = table('effects', { nonce: text, taskId: text }, ['nonce']);

export const CREATE_EFFECTS =
  'CREATE TABLE effects (nonce text PRIMARY KEY, task_id text NOT NULL)';

export function openFaultDatabase(url: string, schema: string, statementTimeoutMs = 30_000) {
  return openPostgres({ url, schema, maxConnections: 4, statementTimeoutMs });
}
