/** The writes while PostgreSQL crashes: by postlude through a proxy, and directly by the bare driver. */
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { noPayload, standardPayload, TaskQueue, taskType } from '@postlude/queue';
import { CodedError, randomHex, silentLog, systemClock } from '@postlude/queue/foundations';
import { openPostgres } from '@postlude/queue/postgres';
import type { Database } from '@postlude/queue/storage';
import { int, table, text } from '@postlude/queue/storage';
import type { Submitter } from '@postlude/queue/tq';
import { TaskClasses, Tq, taskClass } from '@postlude/queue/tq';
import pg from 'pg';
import { z } from 'zod';
import { decodeEnvelope } from '../../../packages/queue/src/tq/classes/envelope.ts';
import { Recorder } from '../../../src/gen/luci/resultdb/v1/recorder_pb.js';
import { TestStatus } from '../../../src/gen/luci/resultdb/v1/test_result_pb.js';
import { loadConfig } from '../../../src/server/config/config.ts';
import { startServer } from '../../../src/server/server.ts';
import type { PostgresServer } from '../../support/databases/postgres-server.ts';
import type { TcpProxy } from '../../support/network/tcp-proxy.ts';

export interface CrashPlace {
  /** This is another server after a promotion. */
  server: PostgresServer;
  readonly proxy: TcpProxy;
}

/** Tasks enqueued, pushed tasks added, results recorded by a server; and rows by the bare driver. */
export type WriteKind = 'tasks' | 'pushes' | 'results' | 'bare';

export type Write = (number: number) => Promise<void>;

export interface CrashWrites {
  writer(kind: WriteKind): Write;
  /** The numbers of pushed tasks that were submitted. */
  submitted(): Promise<ReadonlySet<number>>;
  close(): Promise<void>;
}

export const SCHEMA = 'crashes';
/** A separate schema, as the dispatcher of a server makes tasks of unknown types dead. */
export const SERVED_SCHEMA = 'crashes_served';
const INVOCATION = 'run';

const CRASH_TASK = taskType('crash-task', noPayload);
const payload = z.object({ number: z.int() });
const PUSHED = taskClass({
  id: 'pushed',
  kind: 'transactional',
  queue: 'numbers',
  payload: standardPayload(payload),
});
/** The number is no key, so that a second run of a transaction is seen and not refused. */
const pushedNumbers = table('pushed_numbers', { nonce: text, number: int }, ['nonce']);
const CREATE_TABLES = `
  CREATE TABLE ${SCHEMA}.pushed_numbers (nonce text PRIMARY KEY, number bigint NOT NULL);
  CREATE TABLE ${SCHEMA}.bare_numbers (number bigint PRIMARY KEY)`;

export async function openCrashWrites(place: CrashPlace): Promise<CrashWrites> {
  const url = new URL(place.server.url);
  url.port = String(place.proxy.port);
  const db = await openPostgres({ url: url.href, schema: SCHEMA, maxConnections: 12 });
  await db.migrate();
  await createTables(place);
  const pushes = openPushes(db);
  const results = await openResults(url.href);
  const queue = new TaskQueue({ db, clock: systemClock });
  const bare: BareWriter[] = [];
  return {
    writer(kind) {
      if (kind === 'pushes') return pushes.write;
      if (kind === 'results') return results.write;
      if (kind === 'tasks') {
        return async (number) =>
          void (await queue.enqueue([{ type: CRASH_TASK, id: String(number) }]));
      }
      const writer = new BareWriter(place);
      bare.push(writer);
      return (number) => writer.write(number);
    },
    submitted: pushes.submitted,
    async close() {
      await Promise.all(bare.map((writer) => writer.close()));
      await results.close();
      await pushes.submitted();
      await db.close();
    },
  };
}

async function createTables(place: CrashPlace): Promise<void> {
  const client = await connect(place);
  await client.query(CREATE_TABLES);
  await client.end();
}

/** Runs transactions that write a row and add a pushed task. */
function openPushes(db: Database) {
  const submitted = new Set<number>();
  const submitter: Submitter = {
    async submit(request) {
      if (request.kind !== 'queue') throw new Error('no request for a queue');
      const { number } = payload.parse(decodeEnvelope(request.body).body);
      submitted.add(number);
      return 'submitted';
    },
  };
  const classes = new TaskClasses([PUSHED]);
  const settings = { project: 'p', region: 'l', defaultTargetHost: 'http://127.0.0.1' };
  const tq = new Tq({ db, classes, submitter, settings });
  const write: Write = (number) =>
    db.write(async (tx) => {
      await tx.insert(pushedNumbers, [{ nonce: randomHex(16), number }]);
      await tq.addTask({ class: PUSHED, payload: { number } }, tx);
    });
  return { write, submitted: () => tq.idle().then(() => submitted) };
}

/** Runs a server as `postlude serve` does, and a client that records results in one invocation. */
async function openResults(database: string) {
  const flags = { listen: '127.0.0.1:0', database, schema: SERVED_SCHEMA };
  const config = await loadConfig({ flags, env: {}, cwd: process.cwd() });
  const server = await startServer(config, { log: silentLog });
  const recorder = createClient(Recorder, createGrpcTransport({ baseUrl: server.url }));
  let token = '';
  await recorder.createInvocation(
    { invocationId: INVOCATION, invocation: { realm: 'ci:main' } },
    { onHeader: (headers) => (token = headers.get('update-token') ?? '') },
  );
  const write: Write = async (number) => {
    await recorder
      .batchCreateTestResults(resultsRequest(number), { headers: { 'update-token': token } })
      .catch((cause: unknown) => {
        // The error of a client does not say whether the write happened.
        throw new CodedError('outcome-unknown', 'the call failed', { cause });
      });
  };
  return { write, close: () => server.close() };
}

function resultsRequest(number: number) {
  const testResult = {
    testId: 'test',
    resultId: String(number),
    expected: true,
    status: TestStatus.PASS,
  };
  return { invocation: `invocations/${INVOCATION}`, requests: [{ testResult }] };
}

/**
 * Opens a connection of the bare driver again at once, so that it gets the first transaction ids that a
 * server hands out after its recovery.
 */
class BareWriter {
  readonly #place: CrashPlace;
  #client: pg.Client | undefined;

  constructor(place: CrashPlace) {
    this.#place = place;
  }

  async write(number: number): Promise<void> {
    try {
      this.#client ??= await connect(this.#place);
      await this.#client.query(`INSERT INTO ${SCHEMA}.bare_numbers VALUES (${number})`);
    } catch (cause) {
      await this.close();
      throw new CodedError('outcome-unknown', 'a bare write failed', { cause });
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined); // gone already
  }
}

async function connect({ server }: CrashPlace): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: server.url });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
