/** Kills real processes that export into real object storage, at each of their requests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import {
  openTestPostgres,
  testPostgresUrl,
  testSchema,
} from '../../support/databases/databases.ts';
import { writeGraph } from '../../support/exports/export-graph.ts';
import { FaultProxy } from '../../support/objects/fault-proxy.ts';
import { S3_CREDENTIALS, startS3Server } from '../../support/objects/object-servers.ts';
import { EXPORTED } from './exported-run.ts';

const ROWS = 500;
const BUCKET = 'results';
const ENV = {
  ...process.env,
  AWS_ACCESS_KEY_ID: S3_CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: S3_CREDENTIALS.secretAccessKey,
};

async function prepare() {
  const scratch = await mkdtemp(join(tmpdir(), 'postlude-kill-'));
  onTestFinished(() => rm(scratch, { recursive: true, force: true }));
  const server = await startS3Server();
  onTestFinished(() => server.stop());
  await server.makeBucket(BUCKET);
  const schema = testSchema();
  const db = await openTestPostgres({ schema });
  const results = Array.from({ length: ROWS }, (_, n) => ({ testId: `test ${n}` }));
  await writeGraph(db, { [EXPORTED.invocationId]: { results } });
  return { scratch, server, schema };
}

type World = Awaited<ReturnType<typeof prepare>>;

function start({ schema, scratch }: World, attempt: number, endpoint: string): ChildProcess {
  const script = join(import.meta.dirname, 'object-process.ts');
  const sink = { kind: 's3', bucket: BUCKET, prefix: '', region: 'us-east-1', endpoint };
  const args = [script, testPostgresUrl(), schema, scratch, `${attempt}`, JSON.stringify(sink)];
  return spawn(process.execPath, args, { env: ENV, stdio: ['ignore', 'pipe', 'inherit'] });
}

describe.runIf(testPostgresUrl() !== '' && inject('hasS3Server'))('a process that exports', () => {
  test('may be killed at each of its requests: one object is left, and no file', async () => {
    const world = await prepare();
    const requests = ['list uploads', 'stat', 'put', 'read manifest', 'put manifest'];
    for (const [index, name] of requests.entries()) {
      const proxy = await FaultProxy.start(world.server.url);
      const fault = index % 2 === 0 ? 'die-before' : 'die-after';
      // A life that finds the object makes fewer requests than the one that wrote it.
      proxy.decide = ({ number }) => (number === Math.min(index + 1, 4) ? fault : undefined);
      const child = start(world, index + 1, proxy.url);
      const ended = once(child, 'exit');
      await Promise.race([proxy.death, ended]);
      child.kill('SIGKILL');
      await ended;
      await proxy.stop();
      const keys = await world.server.list(BUCKET);
      expect(keys.length, name).toBeLessThanOrEqual(2);
    }
    const last = start(world, requests.length + 1, world.server.url);
    const said = last.stdout ? await text(last.stdout) : '';
    expect(JSON.parse(said)).toMatchObject({ rows: ROWS });
    const folder = 'acme.tests.results';
    const files = ['run-0.manifest.json', 'run-0.parquet'];
    expect(await world.server.list(BUCKET)).toEqual(files.map((file) => `${folder}/${file}`));
    expect(await world.server.countUploads(BUCKET)).toBe(0);
    expect(await readdir(world.scratch)).toEqual([]);
  });
});
