/** Fills a database with rows in every table, for tests that copy it. */

import { create } from '@bufbuild/protobuf';
import { bytesPayload, TaskQueue, taskType } from '@postlude/queue';
import type { Database } from '@postlude/queue/storage';
import { reminders } from '@postlude/queue/tables';
import { FakeClock } from '@postlude/queue/testing';
import { newReminder } from '../../../packages/queue/src/tq/reminders/reminder.ts';
import { recordArtifacts } from '../../../src/artifacts/artifacts.ts';
import { reserveContents } from '../../../src/artifacts/unused-contents.ts';
import { writeExportRequest } from '../../../src/exporter/export-requests.ts';
import { beginAttempt, saveProgress } from '../../../src/exporter/progress.ts';
import { writePeriod } from '../../../src/exporter/requests/export-periods.ts';
import { TEST_RESULTS } from '../../../src/exporter/rows/row-kind.ts';
import { recordSink } from '../../../src/exporter/sinks/recorded-sinks.ts';
import { BigQueryExportSchema } from '../../../src/gen/luci/resultdb/v1/invocation_pb.js';
import { takeTurn } from '../../../src/invocations/closed-sets.ts';
import { includeInvocations } from '../../../src/invocations/inclusions.ts';
import { insertInvocations } from '../../../src/invocations/invocations.ts';
import { recordExonerations } from '../../../src/results/exonerations.ts';
import { recordTestResults } from '../../../src/results/test-results.ts';
import { openSecret, UPDATE_TOKEN_SECRET } from '../../../src/secrets/secrets.ts';
import {
  invocationId,
  newArtifact,
  newExoneration,
  newInvocation,
  newTestResult,
} from '../invocations/fixtures.ts';

const IDS = Array.from({ length: 7 }, (_, index) => invocationId(`i${index}`));
const BYTES = taskType('bytes', bytesPayload);

/** The number of rows in each table afterwards. */
export const SOURCE_ROWS = {
  secrets: 1,
  invocations: 7,
  included_invocations: 6,
  closing_turns: 1,
  test_results: 14,
  test_exonerations: 7,
  artifacts: 7,
  unused_contents: 1,
  export_requests: 1,
  export_periods: 1,
  export_progress: 1,
  export_sinks: 1,
  rejected_rows: 1,
  tasks: 2,
  dead_tasks: 1,
  tq_reminders: 2,
  tq_dead_reminders: 0,
};

export async function fillSource(db: Database): Promise<void> {
  const clock = new FakeClock(Date.UTC(2026, 1, 3) + 4.567);
  const queue = new TaskQueue({ db, clock });
  await openSecret(db, UPDATE_TOKEN_SECRET, clock);
  await db.write(async (tx) => {
    const bigqueryExports = [new Uint8Array([1, 2]), new Uint8Array()];
    await insertInvocations(
      tx,
      IDS.map((id) => newInvocation(id, { bigqueryExports, tags: [{ key: 'k', value: 'ü' }] })),
    );
  });
  await db.write(async (tx) => {
    await includeInvocations(tx, IDS[0] ?? invocationId(''), IDS.slice(1));
    await takeTurn(tx, IDS[0] ?? invocationId(''));
    for (const id of IDS) {
      await recordTestResults(tx, id, [
        newTestResult('a'),
        newTestResult('b', { expected: false }),
      ]);
      await recordExonerations(tx, id, [newExoneration('b')]);
      await recordArtifacts(tx, id, { given: [newArtifact('log')], now: clock.now() });
    }
    await reserveContents(tx, [':0'], clock.now());
    await tx.insert(reminders, [
      newReminder('0'.repeat(32), REQUEST, clock.now()),
      newReminder('f'.repeat(32), REQUEST, clock.now()),
    ]);
  });
  await fillProgress(db);
  const requested = { index: 0, destination: create(BigQueryExportSchema), generation: 1 };
  await db.write((tx) =>
    writeExportRequest(tx, invocationId('i0'), { ...requested, requestTime: clock.now() }),
  );
  await queue.enqueue(
    ['a', 'b', 'c'].map((id) => ({ type: BYTES, id, payload: new Uint8Array([7]) })),
  );
  const [leased] = await queue.leaseDue('bytes', 1, 60_000);
  if (leased) await queue.markDead(leased, 'no');
  await queue.leaseDue('bytes', 1, 60_000);
}

async function fillProgress(db: Database): Promise<void> {
  const exported = { ...EXPORT, attempt: 1 };
  const result = { parentId: 'i0', testId: 'a', resultId: '0' };
  await beginAttempt(db, exported);
  await saveProgress(db, exported, {
    settled: { rows: 2, ...result },
    rejected: 1,
    next: { stream: 's', offset: 1 },
    isDone: false,
    newlyRejected: [{ row: 1, ...result, reason: 'too long' }],
  });
  await recordSink(db, exported, 'archive');
  const period = { realm: 'p:r', from: 0, until: undefined, table: EXPORT.table };
  const position = { time: 5, id: invocationId('i0') };
  const counts = { runs: 3, begun: 2, refused: 1 };
  const times = { startTime: 7, until: 6, doneTime: undefined };
  await db.write((tx) => writePeriod(tx, period, { ...times, ...counts, position }));
}

const EXPORT = {
  table: { project: 'acme', dataset: 'tests', table: 'results' },
  invocationId: 'i0',
  index: 0,
  kind: TEST_RESULTS,
  fingerprint: 'f',
};

const REQUEST = {
  kind: 'topic',
  classId: 'c',
  topic: 'projects/p/topics/t',
  data: new Uint8Array([255]),
  attributes: {},
} as const;
