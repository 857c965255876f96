/**
 * Offers batches to a server from a process of its own: at a rate, whether or not earlier ones have been
 * answered, or as fast as they are answered. It encodes nothing but the number of each batch, so that it can
 * offer far more than the server can do.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { fileURLToPath } from 'node:url';
import { create, toBinary } from '@bufbuild/protobuf';
import { systemClock } from '@postlude/queue/foundations';
import { BatchCreateTestResultsRequestSchema } from '../../src/gen/luci/resultdb/v1/recorder_pb.js';
import { latencies } from '../overdue/request-load.ts';
import type { OpenedCaller } from './served.ts';

export interface Load {
  readonly url: string;
  readonly callers: readonly OpenedCaller[];
  /** As fast as they are answered if it is absent. */
  readonly perSecond?: number;
  readonly seconds: number;
}

export interface LoadResult {
  readonly offered: number;
  /** From the first batch until the last is answered. */
  readonly seconds: number;
  readonly in_time: number;
  readonly refused: number;
  /** Not answered in time. */
  readonly late: number;
  /** Answered in any other way. */
  readonly failed: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** How late batches were sent, at worst: that time is not the server's. */
  readonly client_late_ms: number;
}

/** A response that takes longer is of no use. */
const IN_TIME_MS = 10_000;
const TICK_MS = 5;
/** Of one caller, as many clients have, since a connection has a limit of its own. */
const CONNECTIONS = 16;
const PATH = '/luci.resultdb.v1.Recorder/BatchCreateTestResults';
const OK = '0';
const RESOURCE_EXHAUSTED = '8';
/** Stands for the number of a batch in its encoded form; the numbers have as many digits. */
const NUMBER = '00000000';

export async function offer(load: Load): Promise<LoadResult> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url));
  const answered = once(child, 'message');
  child.send(load);
  const [result] = await Promise.race([answered, once(child, 'exit')]);
  child.kill();
  if (typeof result !== 'object') throw new Error('the process that offers the load ended early');
  return result as LoadResult;
}

/** A request of gRPC, whose number can be changed. */
class NumberedBatch {
  readonly #frame: Buffer;
  readonly #places: readonly number[];

  constructor({ invocation, requests }: OpenedCaller['batch']) {
    const message = create(BatchCreateTestResultsRequestSchema, {
      invocation,
      requests: requests.map(({ testResult }) => ({
        testResult: { ...testResult, testId: `${NUMBER}/${testResult.testId}` },
      })),
    });
    const body = Buffer.from(toBinary(BatchCreateTestResultsRequestSchema, message));
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(body.length, 1);
    this.#frame = Buffer.concat([prefix, body]);
    this.#places = placesOf(this.#frame, NUMBER);
  }

  numbered(number: number): Buffer {
    const frame = Buffer.from(this.#frame);
    const digits = String(number).padStart(NUMBER.length, '0');
    for (const place of this.#places) frame.write(digits, place, 'latin1');
    return frame;
  }
}

function placesOf(bytes: Buffer, text: string): number[] {
  const places = [];
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + text.length)) {
    places.push(at);
  }
  return places;
}

interface Sender {
  readonly session: ClientHttp2Session;
  readonly batch: NumberedBatch;
  readonly token: string;
}

type Outcome = 'in_time' | 'refused' | 'late' | 'failed';

async function send({ batch, session, token }: Sender, number: number): Promise<Outcome> {
  const stream = session.request({
    ':method': 'POST',
    ':path': PATH,
    'content-type': 'application/grpc+proto',
    te: 'trailers',
    'update-token': token,
  });
  let isLate = false;
  const leave = (): void => {
    isLate = true;
    stream.close(constants.NGHTTP2_CANCEL);
  };
  const limit = setTimeout(leave, IN_TIME_MS);
  stream.end(batch.numbered(number));
  const status = await statusOf(stream);
  clearTimeout(limit);
  if (status === OK) return 'in_time';
  if (status === RESOURCE_EXHAUSTED) return 'refused';
  return isLate ? 'late' : 'failed';
}

/** Returns the status of gRPC, or undefined if the stream ends without one. */
function statusOf(stream: ClientHttp2Stream): Promise<string | undefined> {
  return new Promise((resolve) => {
    let status: string | undefined;
    const note = (headers: Record<string, unknown>): void => {
      if (typeof headers['grpc-status'] === 'string') status = headers['grpc-status'];
    };
    stream.on('response', note).on('trailers', note);
    stream.on('error', () => undefined); // `close` follows.
    stream.on('close', () => resolve(status));
    stream.resume();
  });
}

class Run {
  readonly #senders: readonly Sender[];
  readonly #first = Date.now() % 10 ** NUMBER.length; // Numbers do not come twice.
  readonly #tookMs: number[] = [];
  readonly #counts = { offered: 0, in_time: 0, refused: 0, late: 0, failed: 0 };
  readonly #startedAt = performance.now();
  #clientLateMs = 0;

  constructor({ callers, url }: Load) {
    this.#senders = Array(CONNECTIONS)
      .fill(callers)
      .flat()
      .map(({ batch, token }: OpenedCaller) => {
        const session = connect(url);
        session.on('error', () => undefined); // Its streams fail.
        return { session, batch: new NumberedBatch(batch), token };
      });
  }

  /** Keeps one batch for each connection in flight. */
  async inTurn(seconds: number): Promise<void> {
    const loop = async (): Promise<void> => {
      while (this.#seconds() < seconds) await this.#sendNext(performance.now());
    };
    await Promise.all(Array.from({ length: this.#senders.length }, loop));
  }

  async atRate(perSecond: number, seconds: number): Promise<void> {
    const running: Promise<void>[] = [];
    for (let passed = 0; passed < seconds; passed = this.#seconds()) {
      while (running.length < passed * perSecond) {
        const dueAt = this.#startedAt + (running.length / perSecond) * 1000;
        running.push(this.#sendNext(dueAt));
      }
      await systemClock.sleep(TICK_MS);
    }
    await Promise.all(running);
  }

  result(): LoadResult {
    const { medianMs, p99Ms } = latencies(this.#tookMs);
    return {
      ...this.#counts,
      seconds: this.#seconds(),
      p50_ms: medianMs,
      p99_ms: p99Ms,
      client_late_ms: Math.round(this.#clientLateMs),
    };
  }

  #seconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  async #sendNext(dueAt: number): Promise<void> {
    const index = this.#counts.offered++;
    const sentAt = performance.now();
    this.#clientLateMs = Math.max(this.#clientLateMs, sentAt - dueAt);
    const sender = this.#senders[index % this.#senders.length] as Sender;
    const outcome = await send(sender, (this.#first + index) % 10 ** NUMBER.length);
    if (outcome === 'in_time') this.#tookMs.push(performance.now() - sentAt);
    this.#counts[outcome] += 1;
  }
}

async function run(load: Load): Promise<LoadResult> {
  const one = new Run(load);
  if (load.perSecond === undefined) await one.inTurn(load.seconds);
  else await one.atRate(load.perSecond, load.seconds);
  return one.result();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.once('message', (load: Load) => {
    void run(load).then((result) => process.send?.(result, () => process.exit(0)));
  });
}
