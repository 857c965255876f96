/** Headers, paths and names that would stay in labels, caches and lines of the log. */
import { brotliCompressSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { GetInvocationRequestSchema } from '../../src/gen/luci/resultdb/v1/resultdb_pb.js';
import type { ServerAttack } from './attack.ts';
import type { AttackRequest } from './attacker.ts';

const HEADER_BYTES = 30_000;
const NAME_BYTES = 15_000_000;
const AT_ONCE = 50;
const LARGE_AT_ONCE = 4;
const GET = '/luci.resultdb.v1.ResultDB/GetInvocation';

let number = 0;
let compressedName: Buffer | undefined;

export const GROWTH: readonly ServerAttack[] = [
  requests({
    name: 'content-types',
    says: 'content types of 30 kB, each another one',
    outcomes: ['415'],
    atOnce: AT_ONCE,
    make: () => ({ path: GET, headers: { 'content-type': `application/${long()}` } }),
  }),
  requests({
    name: 'label-values',
    says: 'paths of RPCs and user agents of 15 kB, each another one',
    outcomes: ['404'],
    atOnce: AT_ONCE,
    make: () => {
      const half = long().slice(0, HEADER_BYTES / 2);
      return { path: `/luci.resultdb.v1.ResultDB/${half}`, headers: { 'user-agent': half } };
    },
  }),
  requests({
    name: 'log-lines',
    says: 'a name of 15 MB as some bytes of brotli, which the error and the log could quote',
    outcomes: ['400 invalid_argument'],
    atOnce: LARGE_AT_ONCE,
    make: () => ({ path: GET, body: longName(), headers: { 'content-encoding': 'br' } }),
  }),
];

interface Requests extends Pick<ServerAttack, 'name' | 'says' | 'outcomes'> {
  readonly atOnce: number;
  readonly make: () => AttackRequest;
}

function requests({ atOnce, make, ...said }: Requests): ServerAttack {
  const prepare: ServerAttack['prepare'] = (attacker) => {
    return () =>
      attacker.sessions(1, async ([session]) => {
        if (!session) return;
        const all = Array.from({ length: attacker.many(atOnce) }, make);
        await Promise.all(all.map((request) => attacker.post(session, request)));
      });
  };
  return { kind: 'server', ...said, prepare };
}

function longName(): Buffer {
  const message = create(GetInvocationRequestSchema, { name: 'x'.repeat(NAME_BYTES) });
  compressedName ??= brotliCompressSync(toBinary(GetInvocationRequestSchema, message));
  return compressedName;
}

function long(): string {
  return `${number++}-`.padEnd(HEADER_BYTES, 'x');
}
