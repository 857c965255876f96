/** Fault runs count effects: each handler leaves one in the transaction that completes its task. */
import { text } from '../../../src/storage/column.ts';
import { openPostgres } from '../../../src/storage/postgres/open.ts';
import { table } from '../../../src/storage/table.ts';
import { noPayload } from '../../../src/tasks/payload.ts';
import { taskType } from '../../../src/tasks/task.ts';

export const EFFECT = taskType('effect', noPayload);

/** The task is no key, so that a second effect of one is seen and not refused. */
export const effects = table('effects', { nonce: text, taskId: text }, ['nonce']);

export const CREATE_EFFECTS =
  'CREATE TABLE effects (nonce text PRIMARY KEY, task_id text NOT NULL)';

export function openFaultDatabase(url: string, schema: string, statementTimeoutMs = 30_000) {
  return openPostgres({ url, schema, maxConnections: 4, statementTimeoutMs });
}
