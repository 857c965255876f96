/**
 * Artifacts as clients send them. They promise: what is wrong with an upload is told as `invalid-argument`; what
 * is accepted has a name that is read as it was made, and headers that a response can have, with a type that no
 * browser runs; and the lines of a text do not depend on the chunks in which it arrives.
 */
import { validateHeaderValue } from 'node:http';
import { Readable } from 'node:stream';
import { hasCode, type NodeServerRequest } from '@postlude/queue/foundations';
import { readUpload } from '../../../src/server/artifacts/upload-request.ts';
import { readLines } from '../../../src/services/artifacts/artifact-lines.ts';
import { artifactName, parseArtifactName } from '../../../src/services/artifacts/artifact-name.ts';
import { contentHeaders } from '../../../src/services/artifacts/content-headers.ts';
import { declared, type FuzzTarget, require, requireSame } from '../engine/target.ts';

const HASH = `sha256:${'0a'.repeat(32)}`;

export const artifactTargets: readonly FuzzTarget[] = [
  {
    name: 'artifact-uploads',
    reads:
      'uploads of artifacts: the method and the path in the first line, then headers, one a line',
    dictionary: [
      ...['PUT ', 'POST ', 'invocations/u-a', '/artifacts', '/tests/', '/results/', '%2F', '%zz'],
      ...['\n', ': ', 'content-length', '5', 'content-hash', HASH, 'content-type', 'text/plain'],
      ...['; charset="', 'image/svg+xml', 'artifact-id', 'artifact-type', 'result-id'],
      ...['test-module-name', 'test-module-scheme', 'test-case-name', 'legacy', 'junit', '%00'],
    ],
    generate: (seed) =>
      `PUT invocations/u-a/tests/t/results/r/artifacts/a%2F${seed}\n` +
      `content-length: ${seed}\ncontent-hash: ${HASH}\ncontent-type: text/x${seed}`,
    check: checkUpload,
  },
  {
    name: 'artifact-lines',
    reads: 'texts of artifacts, as lines',
    dictionary: [
      ...['\n', '\r\n', 'E0102 15:04:05.678 a.cc:1] ', '01-02 15:04:05.678  1  2 W t: '],
      ...['2026-01-02T03:04:05.678Z', '2026-01-02 03:04:05,6', '+01:00', ' ERROR ', 'INFO'],
    ],
    check: checkLines,
  },
];

const MAX_BYTES = 1_000;

function checkUpload(input: Buffer): void {
  const [first = '', ...lines] = input.toString('latin1').split('\n');
  const [method = '', name = ''] = first.split(' ');
  const headers = new Headers();
  for (const line of lines) {
    const [header = '', ...value] = line.split(': ');
    declared(
      () => headers.append(header, value.join(': ')),
      (error) => error instanceof TypeError,
    );
  }
  const request = Object.assign(Readable.from([]), { method }) as unknown as NodeServerRequest;
  const upload = declared(
    () => readUpload({ request, headers, name }, MAX_BYTES),
    (error) => hasCode(error, 'invalid-argument'),
  );
  if (upload === undefined) return;
  const [arriving] = upload.arriving;
  if (arriving === undefined) return;
  const { announced } = arriving;
  require(announced.sizeBytes <= MAX_BYTES, 'a content is larger than it may be');
  const key = { ...announced, invocationId: upload.invocationId };
  const again = artifactName(parseArtifactName(artifactName(key)));
  requireSame(again, artifactName(key), 'a name');
  for (const [header, value] of Object.entries(contentHeaders(announced))) {
    validateHeaderValue(header, value);
  }
  const served = contentHeaders(announced)['content-type'] ?? '';
  require(!/html|xml|script|pdf/.test(served), `a content is served as ${served}`);
}

async function checkLines(input: Buffer): Promise<void> {
  const limits = { lines: 20, bytes: 2_000 };
  const told = async (size: number): Promise<string> => {
    const lines = await readLines(chunks(input, size), limits);
    const bytes = lines.reduce((sum, { content }) => sum + content.length, 0);
    require(lines.length <= limits.lines && bytes <= limits.bytes, 'lines exceed their limits');
    return lines
      .map(({ content, severity, timestamp }) =>
        [Buffer.from(content).toString('hex'), severity, timestamp?.seconds].join(' '),
      )
      .join('\n');
  };
  const whole = await told(Math.max(1, input.length));
  for (const size of [1, 7]) requireSame(await told(size), whole, 'lines in other chunks');
}

async function* chunks(bytes: Buffer, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
