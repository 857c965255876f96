/** Small bodies that become large ones. */
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { ServerAttack } from './attack.ts';

const MESSAGE_BYTES = 16 * 1024 ** 2 - 1024;
const AT_ONCE = 6;
const PATH = '/luci.resultdb.v1.Recorder/BatchCreateTestResults';

/** A varint of field 100, which no request has. */
const UNKNOWN_FIELD = Uint8Array.of(0xa0, 0x06, 0x01);
/** A result (field 2) with nothing in it. */
const EMPTY_MESSAGE = Uint8Array.of(0x12, 0x00);

interface Body {
  readonly name: string;
  readonly says: string;
  readonly encoding: 'br' | 'gzip';
  readonly type?: string;
  readonly outcome: string;
  readonly make: () => Buffer;
}

export const BODIES: readonly ServerAttack[] = [
  body({
    name: 'brotli-unknown-fields',
    says: '16 MB of unknown fields as some bytes of brotli, six at once',
    encoding: 'br',
    outcome: '429 resource_exhausted',
    make: () => repeated(UNKNOWN_FIELD),
  }),
  body({
    name: 'gzip-unknown-fields',
    says: '16 MB of unknown fields as 16 kB of gzip, six at once',
    encoding: 'gzip',
    outcome: '429 resource_exhausted',
    make: () => repeated(UNKNOWN_FIELD),
  }),
  body({
    name: 'empty-messages',
    says: '8 million empty results as some bytes of brotli, six at once',
    encoding: 'br',
    outcome: '429 resource_exhausted',
    make: () => repeated(EMPTY_MESSAGE),
  }),
  body({
    name: 'deep-json',
    says: '3 million objects of JSON within one another as some bytes of brotli, six at once',
    encoding: 'br',
    type: 'application/json',
    outcome: '400 invalid_argument',
    make: () => repeated(Buffer.from('{"a":')),
  }),
];

function body({ encoding, make, name, outcome, says, type }: Body): ServerAttack {
  const prepare: ServerAttack['prepare'] = async (attacker) => {
    const compressed = encoding === 'br' ? brotliCompressSync(make()) : gzipSync(make());
    const { headers: token, name: invocation } = await attacker.invocation();
    const headers = {
      'content-encoding': encoding,
      'content-type': type ?? 'application/proto',
      ...token,
      'x-invocation': invocation,
    };
    const request = { path: PATH, body: compressed, headers };
    return () =>
      attacker.sessions(attacker.many(AT_ONCE), (all) =>
        Promise.all(all.map((session) => attacker.post(session, request))),
      );
  };
  return { kind: 'server', name, says, outcomes: [outcome], prepare };
}

function repeated(part: Uint8Array): Buffer {
  return Buffer.alloc(MESSAGE_BYTES - (MESSAGE_BYTES % part.length), part);
}
