import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { BigQueryExportSchema } from '../../../../../src/gen/luci/resultdb/v1/invocation_pb.js';
import { protobufPayload, standardPayload } from '../../tasks/payload.ts';
import { decodeEnvelope, encodeEnvelope } from './envelope.ts';
import { taskClass } from './task-class.ts';

const exporting = taskClass({
  id: 'export',
  payload: protobufPayload(BigQueryExportSchema),
  kind: 'transactional',
  queue: 'q',
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('carries class, type and body', async () => {
  const message = create(BigQueryExportSchema, { project: 'p', dataset: 'd', table: 't' });
  const envelope = decodeEnvelope(encodeEnvelope(exporting, message));
  expect(envelope).toEqual({
    classId: 'export',
    typeName: 'luci.resultdb.v1.BigQueryExport',
    body: { project: 'p', dataset: 'd', table: 't' },
  });
  expect(await exporting.payload.fromJson(envelope.body)).toEqual(message);
});

test('ignores fields that it does not know, in the envelope and in messages', async () => {
  const sent = bytes('{"class":"export","new":1,"body":{"project":"p","new":{"x":1}}}');
  const { body } = decodeEnvelope(sent);
  expect(await exporting.payload.fromJson(body)).toMatchObject({ project: 'p' });
});

test.each([
  ['nothing', ''],
  ['no JSON', '{"class"'],
  ['no object', '[]'],
  ['null', 'null'],
  ['neither class nor type', '{"body":{}}'],
  ['empty class and type', '{"class":"","type":"","body":{}}'],
  ['class of another type', '{"class":1,"body":{}}'],
  ['no body', '{"class":"export"}'],
])('refuses %s', (_, text) => {
  expect(() => decodeEnvelope(bytes(text))).toThrow('not a task');
});

test('refuses text that is not UTF-8', () => {
  expect(() => decodeEnvelope(new Uint8Array([0x22, 0xff, 0x22]))).toThrow('not JSON in UTF-8');
});

test('a validator says why it refuses a payload', async () => {
  const payload = standardPayload(z.object({ to: z.string() }));
  await expect(payload.fromJson({ to: 1 })).rejects.toThrow('expected string');
  expect(() => payload.toJson(undefined as never)).toThrow('JSON cannot represent');
});
