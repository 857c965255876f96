/**
 * Contents above 64 KiB, which are kept outside of the database: whatever dies at whatever moment, an artifact
 * has its whole content or is not there, and a content without an artifact is removed.
 */
import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { create } from '@bufbuild/protobuf';
import type { Database } from '@postlude/queue/storage';
import { type Faults, forEachCrash } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { MemoryContents } from '../../../test/support/artifacts/memory-contents.ts';
import { eachDatabase } from '../../../test/support/databases/databases.ts';
import { SqliteDatabase } from '../../../test/support/databases/sqlite-database.ts';
import { FINALIZATION_TABLES } from '../../../test/support/invocations/finalization-world.ts';
import { openServices, type Services } from '../../../test/support/server/rpc-services.ts';
import { artifacts, readContent } from '../../artifacts/artifacts.ts';
import { unusedContents } from '../../artifacts/unused-contents.ts';
import { BatchCreateArtifactsRequestSchema } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { parseInvocationId } from '../../invocations/id.ts';
import { collectContents } from '../../retention/collect-contents.ts';

const DAY = 86_400_000;
const id = parseInvocationId('u-inv');
const LONG = Buffer.alloc(70_000, 'long');
const OTHER = Buffer.alloc(80_000, 'other');

function record(services: Services, contents: Readonly<Record<string, Uint8Array>>) {
  const requests = Object.entries(contents).map(([artifactId, content]) => ({
    artifact: { artifactId, contents: content },
  }));
  return services.recorder.batchCreateArtifacts(
    create(BatchCreateArtifactsRequestSchema, { parent: 'invocations/u-inv', requests }),
    services.owner('u-inv'),
  );
}

/** Returns the whole content of an artifact; `undefined` if there is no artifact. */
async function contentOf(
  db: Database,
  contents: MemoryContents,
  artifactId: string,
): Promise<Uint8Array | undefined> {
  const key = { invocationId: id, result: undefined, artifactId };
  const found = await db.read((tx) => readContent(tx, key));
  if (found === undefined) return undefined;
  if (found.content instanceof Uint8Array) return Buffer.from(found.content);
  const stream = await contents.read(found.content.key);
  if (stream === undefined) throw new Error('an artifact has lost its content');
  const whole = await buffer(stream);
  expect(createHash('sha256').update(whole).digest('hex')).toBe(found.sha256);
  return whole;
}

eachDatabase((open) => {
  test('long contents are written outside of the database, and found there', async () => {
    const [db, contents] = [await open(), new MemoryContents()];
    const services = await openServices(db, { contents });
    await services.create('u-inv');
    await record(services, { long: LONG, short: Buffer.from('short'), other: OTHER });
    expect(await contentOf(db, contents, 'long')).toEqual(LONG);
    expect(await contentOf(db, contents, 'short')).toEqual(Buffer.from('short'));
    expect(await contentOf(db, contents, 'other')).toEqual(OTHER);
    expect(contents.stored.size).toBe(2);
    services.clock.advance(2 * DAY);
    expect(await collectContents({ ...services, contents })).toBe(0);
  });

  test('of two uploads at once, the content of one is kept', async () => {
    const [db, contents] = [await open(), new MemoryContents()];
    const services = await openServices(db, { contents });
    await services.create('u-inv');
    const calls = await Promise.allSettled([
      record(services, { a: LONG }),
      record(services, { a: OTHER }),
      record(services, { a: LONG }),
    ]);
    expect(calls.map(({ status }) => status)).toContain('fulfilled');
    expect([LONG, OTHER]).toContainEqual(await contentOf(db, contents, 'a'));
    services.clock.advance(2 * DAY);
    await collectContents({ ...services, contents });
    expect(contents.stored.size).toBe(1);
    await contentOf(db, contents, 'a');
  });

  test('an upload that took so long that its content was collected is not recorded', async () => {
    const [db, contents] = [await open(), new MemoryContents()];
    const services = await openServices(db, { contents });
    await services.create('u-inv');
    contents.onStep = async (step) => {
      if (step !== 'after put') return;
      services.clock.advance(25 * 3_600_000);
      expect(await collectContents({ ...services, contents })).toBe(1);
    };
    await expect(record(services, { a: LONG })).rejects.toMatchObject({ code: 'unavailable' });
    expect(await contentOf(db, contents, 'a')).toBeUndefined();
    expect(contents.stored.size).toBe(0);
  });
});

const TABLES = [...FINALIZATION_TABLES, artifacts, unusedContents];

interface Dying {
  readonly db: Database;
  readonly contents: MemoryContents;
}

/** Makes a call that dies at a step of the database or of the contents. Nothing follows that step. */
async function dies(
  faults: Faults,
  { contents, db }: Dying,
  fn: (db: Database) => Promise<unknown>,
): Promise<void> {
  const dying = faults.wrap(db);
  contents.onStep = (step) => dying.notifications.notify('contents', step);
  await faults.run(() => fn(dying));
  contents.onStep = () => undefined;
}

test('an upload that dies at any step leaves an artifact with its content, or nothing for long', async () => {
  const steps = await forEachCrash(async (faults) => {
    const [db, contents] = [new SqliteDatabase(TABLES), new MemoryContents()];
    const services = await openServices(db, { contents });
    await services.create('u-inv');
    await dies(faults, { db, contents }, async (dying) =>
      record(await openServices(dying, { contents }), { a: LONG, b: OTHER }),
    );
    const [a, b] = [await contentOf(db, contents, 'a'), await contentOf(db, contents, 'b')];
    expect(a === undefined).toBe(b === undefined);
    services.clock.advance(2 * DAY);
    await collectContents({ ...services, contents });
    expect(contents.stored.size).toBe(a === undefined ? 0 : 2);
    await record(services, { a: LONG, b: OTHER });
    expect(await contentOf(db, contents, 'a')).toEqual(LONG);
    services.clock.advance(2 * DAY);
    await collectContents({ ...services, contents });
    expect(contents.stored.size).toBe(2);
    expect(db.dump(unusedContents)).toBe('[]');
    await db.close();
  });
  expect(steps).toBeGreaterThan(8);
});

test('a collection that dies at any step is made up for by the next', async () => {
  const steps = await forEachCrash(async (faults) => {
    const [db, contents] = [new SqliteDatabase(TABLES), new MemoryContents()];
    const services = await openServices(db, { contents });
    await services.create('u-inv');
    contents.onStep = (step) => {
      if (step === 'after put') throw new Error('the upload fails');
    };
    await expect(record(services, { a: LONG })).rejects.toThrow('the upload fails');
    services.clock.advance(2 * DAY);
    await dies(faults, { db, contents }, (dying) =>
      collectContents({ ...services, db: dying, contents }),
    );
    await collectContents({ ...services, contents });
    expect(contents.stored.size).toBe(0);
    expect(db.dump(unusedContents)).toBe('[]');
    await db.close();
  });
  expect(steps).toBeGreaterThan(3);
});

test('a collection that finds nothing writes nothing', async () => {
  const [db, contents] = [new SqliteDatabase(TABLES), new MemoryContents()];
  const services = await openServices(db, { contents });
  await services.create('u-inv');
  await record(services, { long: LONG });
  const write = () => Promise.reject(new Error('it writes'));
  const readOnly = {
    ...services,
    contents,
    db: Object.assign(Object.create(db), { read: db.read.bind(db), write }),
  };
  expect(await collectContents(readOnly)).toBe(0);
  await db.close();
});
