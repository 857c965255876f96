import { create } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { describe, expect, test } from 'vitest';
import { openTestPglite } from '../../../test/support/databases/databases.ts';
import { contextOf, OWNER, openServices } from '../../../test/support/server/rpc-services.ts';
import { ArtifactLine_Severity as Severity } from '../../gen/luci/resultdb/v1/artifact_pb.js';
import { BatchCreateArtifactsRequestSchema } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { ListArtifactLinesRequestSchema } from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { readLines } from './artifact-lines.ts';

async function* chunks(text: string, size: number): AsyncIterable<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function linesOf(text: string, limits = {}, size = 1000): Promise<string[]> {
  const lines = await readLines(chunks(text, size), { lines: 100, bytes: 10_000, ...limits });
  expect(lines.map(({ number }) => Number(number))).toEqual(lines.map((_, index) => index));
  return lines.map(({ content }) => Buffer.from(content).toString());
}

describe('lines', () => {
  test.each([
    ['', []],
    ['a', ['a']],
    ['a\n', ['a']],
    ['a\nb', ['a', 'b']],
    ['\n\na\r\n\r\nü\n', ['', '', 'a', '', 'ü']],
  ])('of %j, in whichever chunks it arrives', async (text, lines) => {
    for (const size of [1, 2, 3, 100]) expect(await linesOf(text, {}, size)).toEqual(lines);
  });

  test('no more than are asked for', async () => {
    expect(await linesOf('a\nb\nc\n', { lines: 2 })).toEqual(['a', 'b']);
  });

  test('no more than fit, and of a line that does not fit its beginning', async () => {
    const line = 'x'.repeat(60);
    expect(await linesOf(`${line}\n`.repeat(9), { bytes: 350 })).toEqual([line, line, line]);
    for (const size of [7, 9_000]) {
      const long = `${'y'.repeat(5_000)}\nz`;
      expect(await linesOf(long, { bytes: 100 }, size)).toEqual(['y'.repeat(100)]);
    }
  });
});

test.each<[string, Severity, string | undefined]>([
  ['plain text', Severity.SEVERITY_UNSPECIFIED, undefined],
  ['E0102 15:04:05.678901 main.cc:1] failed', Severity.ERROR, undefined],
  ['01-02 15:04:05.678  123  456 W tag: careful', Severity.WARNING, undefined],
  ['2026-01-02T03:04:05.678Z INFO started', Severity.INFO, '2026-01-02T03:04:05.678Z'],
  ['[2026-01-02 03:04:05,678] ERROR no', Severity.ERROR, '2026-01-02T03:04:05.678Z'],
  ['2026-01-02 03:04:05+01:00 FATAL', Severity.FATAL, '2026-01-02T02:04:05.000Z'],
  ['2026-99-99 03:04:05 no error', Severity.SEVERITY_UNSPECIFIED, undefined],
])('%j', async (text, severity, time) => {
  const [line] = await readLines(chunks(text, 100), { lines: 1, bytes: 1_000 });
  expect(line?.severity).toBe(severity);
  const told = line?.timestamp && timestampDate(line.timestamp).toISOString();
  expect(told).toBe(time);
});

test('the lines of an artifact are listed if it is a text', async () => {
  const services = await openServices(await openTestPglite());
  await services.create('u-a');
  const long = 'line\n'.repeat(20_000);
  const requests = [
    { artifact: { artifactId: 'log', contentType: 'text/plain', contents: Buffer.from(long) } },
    { artifact: { artifactId: 'bin', contents: Buffer.from('a\nb') } },
  ];
  await services.recorder.batchCreateArtifacts(
    create(BatchCreateArtifactsRequestSchema, { parent: 'invocations/u-a', requests }),
    services.owner('u-a'),
  );
  const list = (artifactId: string, pageSize = 0) =>
    services.resultDb.listArtifactLines(
      create(ListArtifactLinesRequestSchema, {
        parent: `invocations/u-a/artifacts/${artifactId}`,
        pageSize,
      }),
      contextOf(OWNER),
    );
  expect((await list('log')).lines).toHaveLength(1_000);
  expect((await list('log', 3)).lines).toMatchObject([
    { number: 0n },
    { number: 1n },
    { number: 2n },
  ]);
  await expect(list('bin')).rejects.toMatchObject({ code: 'failed-precondition' });
  await expect(list('none')).rejects.toMatchObject({ code: 'not-found' });
  await expect(list('log', -1)).rejects.toMatchObject({ code: 'invalid-argument' });
});
