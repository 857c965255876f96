import { readdir, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ChildCli } from '../flows/child-cli.ts';
import { openCliWithServer } from '../support/cli/cli-world.ts';
import { listen } from '../support/network/http-listener.ts';

const CASES = 1_300;
const names = Array.from({ length: CASES }, (_, index) => `<testcase name="case ${index}"/>`);
const REPORT = `<testsuite name="s">${names.join('')}</testsuite>`;
const BATCH = '/luci.resultdb.v1.Recorder/BatchCreateTestResults';

/**
 * Forwards calls until the server has stored `stored` batches and got another; nothing about batches is
 * told to the client. Then `full` resolves.
 */
async function startHoldingProxy(target: string, stored: number) {
  const full = Promise.withResolvers<void>();
  let [begun, done] = [0, 0];
  const look = (): void => {
    if (begun > stored && done === stored) full.resolve();
  };
  const url = await listen((incoming, response) => {
    const { headers, method, url: path } = incoming;
    const isBatch = path === BATCH;
    if (isBatch) begun += 1;
    if (begun > stored) return look(); // it never reaches the server
    const onward = request(target + path, { method, headers }, (answer: IncomingMessage) => {
      if (isBatch) {
        done += 1;
        answer.resume();
        return look();
      }
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    incoming.pipe(onward);
  });
  return { url, full: full.promise };
}

async function openWorld(stored: number) {
  const world = await openCliWithServer();
  await writeFile(join(world.cwd, 'r.xml'), REPORT);
  const proxy = await startHoldingProxy(world.url, stored);
  const killed = async (...argv: string[]): Promise<void> => {
    const child = new ChildCli(world.cwd, argv, { POSTLUDE_SERVER: proxy.url });
    onTestFinished(() => child.end());
    await proxy.full;
    await child.end();
  };
  const results = async () => (await world.run('query', 'x', '--json')).json().at(-1);
  return { ...world, killed, results };
}

test('an upload that is killed with batches in flight can be repeated: each result is there once', async () => {
  const { killed, results, run } = await openWorld(1);
  await run('create', 'x');
  await killed('upload', 'r.xml', '--invocation', 'x');
  expect(await run('upload', 'r.xml', '--invocation', 'x')).toMatchObject({ code: 0 });
  expect(await results()).toMatchObject({ totals: { results: CASES } });
});

test('a flush that is killed with batches in flight leaves its entry, which is sent later, once', async () => {
  const { cwd, killed, results, run, runWith } = await openWorld(1);
  const away = { POSTLUDE_SERVER: 'http://127.0.0.1:9' };
  const clock = { now: Date.now, monotonicMs: () => performance.now(), sleep: async () => {} };
  const record = ['record', '--id', 'x', '--reports', 'r.xml', '--accept-unchanged', '--', 'true'];
  await runWith({ env: away, clock }, ...record);
  const spool = join(cwd, '.postlude/spool');
  await killed('flush', '--any-server');
  expect((await readdir(spool)).filter((name) => name.endsWith('.jsonl'))).toHaveLength(1);
  expect(await run('flush', '--any-server')).toMatchObject({ code: 0 });
  expect(await results()).toMatchObject({ totals: { results: CASES } });
  expect((await run('status', 'x.attempt-2')).code).toBe(1);
  expect((await readdir(spool)).filter((name) => name.endsWith('.jsonl'))).toEqual([]);
});
