/** Runs a server as a real process, with a caller that sends far more than others. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { expect, onTestFinished, test } from 'vitest';
import { Recorder } from '../../src/gen/luci/resultdb/v1/recorder_pb.js';
import { TestStatus } from '../../src/gen/luci/resultdb/v1/test_result_pb.js';
import { CliProcess } from './cli-process.ts';

const BATCHES = 300;
const AT_ONCE = 4;
const CONFIG = `limits:\n  - realm: ci:greedy\n    writes: ${AT_ONCE}\n    waiting: ${BATCHES}\n`;

async function startServer(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-flow-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'postlude.yaml'), CONFIG);
  const argv = ['serve', '--config', 'postlude.yaml', '--listen', '127.0.0.1:0'];
  const server = new CliProcess(folder, [...argv, '--database', 'memory:', '--log-level', 'error']);
  return await server.printed(/(http:\/\/127\.0\.0\.1:\d+)/);
}

/** A caller that is known by the realm of its update token. */
async function openCaller(recorder: Client<typeof Recorder>, realm: string) {
  const invocationId = realm.replace(':', '-');
  let token = '';
  await recorder.createInvocation(
    { invocationId, invocation: { realm } },
    { onHeader: (header) => (token = header.get('update-token') ?? '') },
  );
  const invocation = `invocations/${invocationId}`;
  const headers = { 'update-token': token };
  return (batch: number, results: number) => {
    const requests = Array.from({ length: results }, (_, index) => ({
      testResult: {
        testId: `${batch}/${index}`,
        resultId: '1',
        expected: true,
        status: TestStatus.PASS,
      },
    }));
    return recorder.batchCreateTestResults({ invocation, requests }, { headers });
  };
}

test('a caller with 300 batches at once does not delay the first request of another one', async () => {
  const transport = createConnectTransport({ baseUrl: await startServer(), httpVersion: '1.1' });
  const recorder = createClient(Recorder, transport);
  const [greedy, other] = [
    await openCaller(recorder, 'ci:greedy'),
    await openCaller(recorder, 'ci:other'),
  ];
  let done = 0;
  const first = Promise.withResolvers<void>();
  const batches = Array.from({ length: BATCHES }, async (_, batch) => {
    await greedy(batch, 100);
    done += 1;
    first.resolve();
  });
  await first.promise;
  const doneBefore = done;
  await other(0, 1);
  // It waits for at most those that are in work, and for those that end while it is on its way.
  expect(done - doneBefore).toBeLessThan(BATCHES / 10);
  await Promise.all(batches);
  expect(done).toBe(BATCHES);
}, 120_000);
