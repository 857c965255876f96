/** A server whose exports go to object storage, from the configuration to `postlude export`. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomHex } from '@postlude/queue/foundations';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { verifyExportIn } from '../../src/exporter/sinks/verify-export-in.ts';
import { openCli, openCliWithServer } from '../support/cli/cli-world.ts';
import { FaultProxy } from '../support/objects/fault-proxy.ts';
import {
  type ObjectServer,
  S3_CREDENTIALS,
  startGcsServer,
  startS3Server,
} from '../support/objects/object-servers.ts';

const SERVERS = [
  { kind: 's3', scheme: 's3', isThere: inject('hasS3Server'), start: startS3Server },
  { kind: 'gcs', scheme: 'gs', isThere: inject('hasGcsEmulator'), start: startGcsServer },
];

describe.each(SERVERS.filter(({ isThere }) => isThere))('$kind', ({ kind, scheme, start }) => {
  const region = kind === 's3' ? { region: 'us-east-1' } : {};
  let server: ObjectServer;
  beforeAll(async () => {
    server = await start();
    vi.stubEnv('AWS_ACCESS_KEY_ID', S3_CREDENTIALS.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', S3_CREDENTIALS.secretAccessKey);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await server.stop();
  });

  /** Returns the path of a configuration file that sends all exports of `acme` there. */
  async function writeConfig(bucket: string, endpoint = server.url): Promise<string> {
    const { cwd } = await openCli();
    const archive = { kind, bucket, prefix: 'ci', endpoint, ...region };
    const yaml = `
sinks: ${JSON.stringify({ archive })}
exports:
  - {match: acme.*, to: archive}
`;
    const path = join(cwd, 'postlude.yaml');
    await writeFile(path, yaml);
    return path;
  }

  test('an export goes where a rule says, and its status says where that is', async () => {
    const bucket = `bucket-${randomHex(8)}`;
    await server.makeBucket(bucket);
    const { run } = await openCliWithServer({ config: await writeConfig(bucket) });
    await run('create', 'run', '--export', 'acme.d.t', '--export', 'other.d.t');
    await run('finalize', 'run');
    const { out } = await run('export', 'run', '--wait');
    expect(out).toContain(
      `acme.d.t: DONE  0 rows in ${scheme}://${bucket}/ci/acme.d.t/run-0.parquet`,
    );
    expect(out).toMatch(/^other\.d\.t: DONE {2}0 rows in \/.*run-1\.parquet$/m);
    const archive = { kind, bucket, prefix: 'ci', endpoint: server.url, ...region };
    const table = { project: 'acme', dataset: 'd', table: 't' };
    const found = await verifyExportIn(archive, { table, invocationId: 'run', index: 0 });
    expect(found).toMatchObject({ status: 'whole', manifest: { rows: 0 } });
    const files = ['run-0.manifest.json', 'run-0.parquet'].map((name) => `ci/acme.d.t/${name}`);
    expect(await server.list(bucket)).toEqual(files);
  });

  const doctor = async (config: string) => {
    const { runWith } = await openCli();
    const argv = ['doctor', '--no-server-check', '--no-database-check', '--config', config];
    return await runWith({}, ...argv);
  };

  test('doctor writes a probe, removes it, and compares the clocks', async () => {
    const bucket = `bucket-${randomHex(8)}`;
    await server.makeBucket(bucket);
    const { code, out } = await doctor(await writeConfig(bucket));
    expect(out).toContain(`sink archive: can write to ${scheme}://${bucket}/ci`);
    expect(out).toMatch(/^ok +clock +in step with sink archive$/m);
    expect(out).toMatch(/^ok +exports +sink parquet: can write to/m);
    expect(code).toBe(0);
    expect(await server.list(bucket)).toEqual([]);
  });

  test('doctor says what to do if the bucket does not exist', async () => {
    const { code, out } = await doctor(await writeConfig(`bucket-${randomHex(8)}`));
    expect(out).toMatch(
      /^problem +exports +sink archive: .*: create the bucket, or correct its name$/m,
    );
    expect(code).toBe(1);
  });

  test('doctor refuses a service that does not enforce conditions', async () => {
    const bucket = `bucket-${randomHex(8)}`;
    await server.makeBucket(bucket);
    const proxy = await FaultProxy.start(server.url);
    onTestFinished(() => proxy.stop());
    proxy.ignoresConditions = true;
    const { out } = await doctor(await writeConfig(bucket, proxy.url));
    expect(out).toContain('this service does not enforce conditional writes');
    expect(await server.list(bucket)).toEqual([]);
  });
});
