import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { FakeClock } from '@postlude/queue/testing';
import { expect, onTestFinished, test } from 'vitest';
import { Signal } from '../../../test/support/signal.ts';
import {
  TestExonerationSchema,
  TestResultSchema,
} from '../../gen/luci/resultdb/v1/test_result_pb.js';
import type { ResultSink } from '../reports/upload-reports.ts';
import { ReportedResults } from './reported-results.ts';

const resultOf = (testId: string) => ({
  expected: true,
  result: create(TestResultSchema, { testId, resultId: `id-${testId}` }),
});

/** A sink that remembers the ids of what it gets. */
function openSink(fail?: () => void) {
  const received = new Signal<string>();
  const ids: string[] = [];
  const requestIds: string[] = [];
  const sink: ResultSink = {
    send: async (batch) => {
      fail?.();
      for (const { resultId } of batch.results()) {
        ids.push(resultId);
        received.emit(resultId);
      }
    },
    exonerate: async (_, requestId) => void requestIds.push(requestId),
    end: async () => undefined,
    aheadMs: async () => 0,
  };
  return { sink, ids, requestIds, received };
}

async function openReported(live: ResultSink | undefined) {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-reported-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const clock = new FakeClock();
  const recorder = '0123456789abcdef';
  const reported = await ReportedResults.open({ clock, folder, recorder, live });
  onTestFinished(() => reported.close());
  return { clock, reported };
}

test('sends results while the command runs, and the rest at its end, each once and in order', async () => {
  const { sink, ids, received } = openSink();
  const { clock, reported } = await openReported(sink);
  const first = received.next();
  await reported.addResults([resultOf('a')]);
  await clock.untilSleepers(1);
  clock.advance(1_000);
  expect(await first).toBe('id-a');
  await Promise.all([reported.addResults([resultOf('b')]), reported.addResults([resultOf('c')])]);
  expect(await reported.endUpload()).toBe(true);
  expect(ids).toEqual(['id-a', 'id-b', 'id-c']);
});

test('keeps results with their ids for another target if a server goes away', async () => {
  const away = openSink(() => {
    throw new Error('away');
  });
  const { clock, reported } = await openReported(away.sink);
  await reported.addResults([resultOf('a')]);
  await clock.untilSleepers(1);
  clock.advance(1_000);
  await reported.addResults([resultOf('b')]);
  expect(await reported.endUpload()).toBe(false);
  const [once, again] = [openSink(), openSink()];
  for (const { sink } of [once, again]) await reported.sendTo(sink, { hasResults: false });
  expect(once.ids).toEqual(['id-a', 'id-b']);
  expect(again.ids).toEqual(once.ids);
});

test('sends exonerations in the same batches each time, with a request id for each', async () => {
  const { reported } = await openReported(undefined);
  const exoneration = create(TestExonerationSchema, { testId: 'a' });
  await reported.addExonerations(Array.from({ length: 501 }, () => exoneration));
  const [once, again] = [openSink(), openSink()];
  for (const { sink } of [once, again]) await reported.sendTo(sink, { hasResults: false });
  expect(new Set(once.requestIds).size).toBe(2);
  expect(again.requestIds).toEqual(once.requestIds);
});
