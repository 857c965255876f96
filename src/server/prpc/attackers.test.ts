/** What a caller of pRPC can do to the server with its bodies. */
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { LIST_TASKS, serveRpcs } from '../../../test/support/server/rpc-server.ts';
import { scanText } from '../http/body/text-scan.ts';
import { FORMATS, type Format, MEDIA_TYPES } from './format.ts';

const MIB = 1024 ** 2;

interface Sent {
  readonly format: Format;
  readonly body: Uint8Array;
  readonly headers?: Record<string, string>;
}

async function send(url: string, { format, body, headers = {} }: Sent) {
  const all = { 'content-type': MEDIA_TYPES[format], ...headers };
  const response = await fetch(`${url}/prpc${LIST_TASKS}`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: all,
  });
  await response.arrayBuffer();
  return response.headers.get('x-prpc-grpc-code');
}

test.each(FORMATS)('a gzip bomb of %s ends at the limit', async (format) => {
  const { url, lines } = await serveRpcs({}, { maxRequestBytes: MIB });
  const bomb = gzipSync(Buffer.alloc(20 * MIB, 0x20));
  expect(bomb.length).toBeLessThan(MIB / 20);
  expect(await send(url, { format, body: bomb, headers: { 'content-encoding': 'gzip' } })).toBe(
    '8',
  );
  expect(lines.at(-1)).toMatchObject({ code: 'resource_exhausted' });
});

test.each(FORMATS)('a body of %s beyond the limit is refused', async (format) => {
  const { url } = await serveRpcs({}, { maxRequestBytes: 2000 });
  expect(await send(url, { format, body: Buffer.alloc(2001, 0x20) })).toBe('8');
});

const HEAVY: readonly [string, Format, string, string][] = [
  ['fields that nobody knows', 'binary', '\x78\x00', '8'],
  ['objects', 'json', '{"a":', '3'],
  ['lists', 'json', `{"type":${'['.repeat(50)}${']'.repeat(50)},`, '8'],
  ['blocks', 'text', 'a{}', '8'],
  ['nested blocks', 'text', 'a{', '3'],
  ['fields', 'text', 'type:1 ', '8'],
];

test.each(HEAVY)(
  'many %s in %s are refused before they are decoded',
  async (...[, format, part, code]) => {
    const { url } = await serveRpcs({}, { maxRequestBytes: 8 * MIB });
    const body = Buffer.from(part.repeat(600_000), 'latin1');
    expect(await send(url, { format, body })).toBe(code);
  },
);

const HIDING: readonly string[] = ['#', '"', "'", '"\\"', '# "', '"#'];

test.each(HIDING)('nothing hides from the scan of texts after %s and a line break', (start) => {
  const text = `type: "x" ${start}\n${'a{}'.repeat(200_000)}`;
  expect(() => scanText(Buffer.from(text))).toThrow(/send several/);
});

test('strings and comments weigh nothing', () => {
  const text = `type: "${'{'.repeat(200_000)}\\"${'{'.repeat(200_000)}" # ${'{'.repeat(200_000)}`;
  expect(() => scanText(Buffer.from(text))).not.toThrow();
});
