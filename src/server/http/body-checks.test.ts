import type { UniversalServerRequest } from '@connectrpc/connect/protocol';
import type { NodeServerRequest } from '@postlude/queue/foundations';
import { expect, test } from 'vitest';
import { ListTasksRequestSchema as Schema } from '../../gen/postlude/v1/tasks_pb.js';
import { bodyChecks } from './body-checks.ts';

const MIB = 1024 ** 2;

/** 15 MB of a body whose end never comes. */
async function* unfinished(sent: () => void): AsyncIterable<Uint8Array> {
  for (let each = 0; each < 15; each++) yield Buffer.alloc(MIB);
  sent();
  await new Promise(() => undefined);
}

test('80 unfinished bodies of 15 MB on one connection hold 64 MB at most, and the others are refused', async () => {
  const check = bodyChecks(16 * MIB, new AbortController().signal);
  const request = { socket: { remoteAddress: '10.0.0.1' } } as NodeServerRequest;
  let held = 0;
  const bodies = Array.from({ length: 80 }, async () => {
    const call = {
      method: 'x',
      caller: 'anonymous:anonymous',
      address: '',
      code: undefined as never,
    };
    const { promise: sent, resolve: isSent } = Promise.withResolvers<void>();
    const universal: UniversalServerRequest = {
      httpVersion: '2.0',
      method: 'POST',
      url: 'http://localhost/',
      header: new Headers({ 'content-type': 'application/proto' }),
      signal: new AbortController().signal,
      body: unfinished(isSent),
    };
    const { body } = check(universal, Schema, { call, request });
    const chunks = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    const refused = chunks.next().then(
      () => 'read',
      () => call.code as string,
    );
    const outcome = await Promise.race([refused, sent.then(() => 'held')]);
    if (outcome === 'held') held++;
    return outcome;
  });
  const outcomes = await Promise.all(bodies);
  expect(held).toBeLessThanOrEqual(4);
  expect(new Set(outcomes)).toEqual(new Set(['unavailable', 'held']));
});
