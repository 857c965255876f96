/** More calls than one caller should have, and such whose work never ends. */
import type { ClientHttp2Session } from 'node:http2';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { TestResultPredicate_Expectancy as Expectancy } from '../../src/gen/luci/resultdb/v1/predicate_pb.js';
import { BatchCreateTestResultsRequestSchema } from '../../src/gen/luci/resultdb/v1/recorder_pb.js';
import { QueryTestResultsRequestSchema } from '../../src/gen/luci/resultdb/v1/resultdb_pb.js';
import { WatchInvocationRequestSchema } from '../../src/gen/postlude/v1/invocations_pb.js';
import type { ServerAttack, Wave } from './attack.ts';
import type { Attacker, AttackRequest } from './attacker.ts';
import { newResults, recordResults } from './results.ts';

const BATCH = '/luci.resultdb.v1.Recorder/BatchCreateTestResults';
const QUERY = '/luci.resultdb.v1.ResultDB/QueryTestResults';
const WATCH = '/postlude.v1.Invocations/WatchInvocation';
const STREAMS_A_SESSION = 100;
const INCLUSIONS = 2000;
const IDS_A_BATCH = 500;
const METRICS_A_WAVE = 25;
const ENDLESS = '((a?){30}){30}.*b';

export const LOAD: readonly ServerAttack[] = [
  {
    kind: 'server',
    name: 'endless-predicates',
    says: `the pattern ${ENDLESS} over 2,000 ids, ten at once, whose clients go away`,
    outcomes: ['200', '400 invalid_argument'],
    prepare: async (attacker) => {
      const ending = 'a'.repeat(60);
      const { name } = await recordResults(attacker, {
        count: attacker.many(2000),
        bytes: 0,
        ending,
      });
      const request = query({ invocations: [name], predicate: { testIdRegexp: ENDLESS } });
      return () => leaveEarly(attacker, request, attacker.many(10));
    },
  },
  {
    kind: 'server',
    name: 'batches',
    says: '300 batches of 50 results at once',
    outcomes: ['200'],
    prepare: (attacker) => batches(attacker, { atOnce: 300, count: 50, bytes: 100 }),
  },
  {
    kind: 'server',
    name: 'large-batches',
    says: '500 batches of 2 MB at once',
    outcomes: ['200'],
    prepare: (attacker) => batches(attacker, { atOnce: 500, count: 500, bytes: 4000 }),
  },
  {
    kind: 'server',
    name: 'expectancy',
    says: 'five readers of what is unexpected among 20,000 results',
    outcomes: ['200'],
    prepare: async (attacker) => {
      const { name } = await recordResults(attacker, { count: attacker.many(20_000), bytes: 100 });
      const expectancy = Expectancy.VARIANTS_WITH_UNEXPECTED_RESULTS;
      const request = query({ invocations: [name], predicate: { expectancy }, pageSize: 10_000 });
      return () => atOnce(attacker, Array(attacker.many(5)).fill(request));
    },
  },
  {
    kind: 'server',
    name: 'watchers-50',
    says: '50 watchers of a run with 2,000 inclusions',
    outcomes: [],
    prepare: (attacker) => watchers(attacker, 50),
  },
  {
    kind: 'server',
    name: 'watchers-400',
    says: '400 watchers of a run with 2,000 inclusions, which their clients leave and begin again',
    outcomes: [],
    prepare: (attacker) => watchers(attacker, 400),
  },
  {
    kind: 'server',
    name: 'metrics',
    says: '/metrics as often as it is answered, 25 at once',
    outcomes: ['200'],
    prepare: (attacker) => () => {
      const request = { path: '/metrics', headers: { ':method': 'GET' } };
      return atOnce(attacker, Array(attacker.many(METRICS_A_WAVE)).fill(request));
    },
  },
];

function query(message: MessageInitShape<typeof QueryTestResultsRequestSchema>): AttackRequest {
  const whole = create(QueryTestResultsRequestSchema, message);
  return { path: QUERY, body: toBinary(QueryTestResultsRequestSchema, whole) };
}

/** Sends all of them, over as many connections as it takes. */
function atOnce(attacker: Attacker, requests: readonly AttackRequest[]): Promise<unknown> {
  const count = Math.ceil(requests.length / STREAMS_A_SESSION);
  return attacker.sessions(count, (all) =>
    Promise.all(
      requests.map((request, index) => {
        return attacker.post(all[index % count] as ClientHttp2Session, request);
      }),
    ),
  );
}

async function leaveEarly(
  attacker: Attacker,
  request: AttackRequest,
  count: number,
): Promise<void> {
  await attacker.sessions(1, async ([session]) => {
    if (!session) return;
    const all = Array.from({ length: count }, () => attacker.post(session, request));
    await Promise.race([Promise.all(all), attacker.hold()]);
  });
}

interface Batches {
  readonly atOnce: number;
  readonly count: number;
  readonly bytes: number;
}

async function batches(attacker: Attacker, asked: Batches): Promise<Wave> {
  const { headers, name } = await attacker.invocation();
  const message = create(BatchCreateTestResultsRequestSchema, {
    invocation: name,
    requests: newResults(asked),
  });
  const body = toBinary(BatchCreateTestResultsRequestSchema, message);
  // All are equal, so that the attacker has nothing to encode, and is fast.
  return () =>
    atOnce(attacker, Array(attacker.many(asked.atOnce)).fill({ path: BATCH, headers, body }));
}

async function watchers(attacker: Attacker, count: number): Promise<Wave> {
  const { headers, invocationId, name, recorder } = await attacker.invocation();
  const included = attacker.many(INCLUSIONS);
  for (let from = 0; from < included; from += IDS_A_BATCH) {
    const ids = Array.from({ length: Math.min(IDS_A_BATCH, included - from) }, (_, index) => {
      return `${invocationId}-${from + index}`;
    });
    await recorder.batchCreateInvocations({
      requests: ids.map((id) => ({ invocationId: id, invocation: { realm: 'ci:attack' } })),
    });
    await recorder.updateIncludedInvocations(
      { includingInvocation: name, addInvocations: ids.map((id) => `invocations/${id}`) },
      { headers },
    );
  }
  const message = toBinary(
    WatchInvocationRequestSchema,
    create(WatchInvocationRequestSchema, { name }),
  );
  const framed = Buffer.concat([Buffer.alloc(5), message]);
  framed.writeUInt32BE(message.length, 1);
  const asked = { path: WATCH, headers: { 'content-type': 'application/grpc', te: 'trailers' } };
  const watching = attacker.many(count);
  return () =>
    attacker.sessions(Math.ceil(watching / STREAMS_A_SESSION), async (all) => {
      for (let index = 0; index < watching; index += 1) {
        const session = all[index % all.length] as ClientHttp2Session;
        attacker.open(session, asked)?.resume().end(framed);
      }
      await attacker.hold();
    });
}
