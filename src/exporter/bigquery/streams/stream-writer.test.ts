import { CodedError } from '@postlude/queue/foundations';
import { FakeClock } from '@postlude/queue/testing';
import { describe, expect, test } from 'vitest';
import type { Column } from '../../rows/schema.ts';
import type { AppendRequest, AppendResponse, ConnectionEvents } from '../clients/ports.ts';
import { TableCalls } from '../tables/table-calls.ts';
import { StreamWriter } from './stream-writer.ts';

const TABLE = { project: 'acme', dataset: 'tests', table: 'results' };
const ROWS = [new Uint8Array([1]), new Uint8Array([2])];
const APPENDED: AppendResponse = { kind: 'appended' };
const UNAVAILABLE = new CodedError('unavailable', 'the connection is lost');

/** A stream whose connections a test answers by hand. */
function open() {
  const clock = new FakeClock();
  const connections: (ConnectionEvents & { sent: AppendRequest[]; isClosed: boolean })[] = [];
  const client = {
    connect: (_: string, _columns: readonly Column[], events: ConnectionEvents) => {
      const connection = { ...events, sent: [] as AppendRequest[], isClosed: false };
      connections.push(connection);
      return {
        send: (request: AppendRequest) => void connection.sent.push(request),
        close: () => {
          connection.isClosed = true;
        },
      };
    },
  };
  const calls = new TableCalls(clock, () => 0.5);
  const writer = new StreamWriter({ client, calls, columns: [], table: TABLE, stream: 's' });
  const connection = (index: number) => {
    const found = connections[index];
    if (!found) throw new Error(`there is no connection ${index}`);
    return found;
  };
  /** Lets the pause before a new connection pass. */
  const reconnect = async () => {
    const before = connections.length;
    for (let turn = 0; turn < 20 && connections.length === before; turn++) {
      clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { clock, connection, connections, reconnect, writer };
}

const offsets = ({ sent }: { sent: AppendRequest[] }) => sent.map(({ offset }) => offset);

test('requests are sent at once, each at its offset, and acknowledged in order', async () => {
  const { connection, writer } = open();
  const outcomes = [writer.append(ROWS), writer.append(ROWS), writer.append(ROWS)];
  expect(offsets(connection(0))).toEqual([0, 2, 4]);
  for (let count = 0; count < 3; count++) connection(0).onResponse(APPENDED);
  expect(await Promise.all(outcomes)).toEqual([APPENDED, APPENDED, APPENDED]);
  expect(writer).toMatchObject({ isClean: true, nextOffset: 6 });
});

describe('after a lost connection', () => {
  test('what is not acknowledged is sent again, and rows that exist are ours', async () => {
    const { connection, reconnect, writer } = open();
    const outcomes = [writer.append(ROWS), writer.append(ROWS), writer.append(ROWS)];
    connection(0).onResponse(APPENDED);
    connection(0).onEnd(UNAVAILABLE);
    await reconnect();
    expect(offsets(connection(1))).toEqual([2, 4]);
    connection(1).onResponse({ kind: 'exists' });
    connection(1).onResponse(APPENDED);
    await Promise.all(outcomes);
    expect(writer.isClean).toBe(true);
  });

  test('a gap means that everything from the last acknowledged request on is sent again', async () => {
    const { connection, reconnect, writer } = open();
    const outcomes = [writer.append(ROWS), writer.append(ROWS)];
    connection(0).onResponse({ kind: 'failed', error: UNAVAILABLE });
    connection(0).onResponse({ kind: 'gap' }); // of a connection that is closed
    expect(connection(0).isClosed).toBe(true);
    await reconnect();
    expect(offsets(connection(1))).toEqual([0, 2]);
    connection(1).onResponse({ kind: 'gap' });
    await reconnect();
    expect(offsets(connection(2))).toEqual([0, 2]);
    connection(2).onResponse(APPENDED);
    connection(2).onResponse(APPENDED);
    await Promise.all(outcomes);
  });

  test('rejected rows end the writer, as an earlier request may still land', async () => {
    const { connection, reconnect, writer } = open();
    const outcome = writer.append(ROWS);
    connection(0).onEnd(UNAVAILABLE);
    await reconnect();
    connection(1).onResponse({ kind: 'rejected', rows: [{ index: 0, reason: 'no' }] });
    await expect(outcome).rejects.toMatchObject({ code: 'unavailable' });
    expect(writer.isClean).toBe(false);
  });

  test('it fails after five connections in a row', async () => {
    const { connection, connections, reconnect, writer } = open();
    const outcome = writer.append(ROWS);
    for (let index = 0; index < 5; index++) {
      connection(index).onEnd(UNAVAILABLE);
      await reconnect();
    }
    await expect(outcome).rejects.toBe(UNAVAILABLE);
    expect(connections).toHaveLength(5);
    await expect(writer.append(ROWS)).rejects.toBe(UNAVAILABLE);
  });
});

test('rows that exist before they were ever sent are not ours', async () => {
  const { connection, writer } = open();
  const outcome = writer.append(ROWS);
  connection(0).onResponse({ kind: 'exists' });
  await expect(outcome).rejects.toThrow('that are not ours');
});

test('rejected rows hand everything back once no later request can land', async () => {
  const { connection, writer } = open();
  const outcomes = [writer.append(ROWS), writer.append(ROWS)];
  const rows = [{ index: 1, reason: 'no' }];
  connection(0).onResponse({ kind: 'rejected', rows });
  const late = writer.append(ROWS);
  expect(offsets(connection(0))).toEqual([0, 2]);
  connection(0).onResponse({ kind: 'gap' });
  expect(await Promise.all([...outcomes, late])).toEqual([
    { kind: 'rejected', rows },
    { kind: 'displaced' },
    { kind: 'displaced' },
  ]);
  const again = writer.append(ROWS.slice(0, 1));
  expect(offsets(connection(0))).toEqual([0, 2, 0]);
  connection(0).onResponse(APPENDED);
  await again;
});

test('a lost connection while later requests may land ends the writer', async () => {
  const { connection, writer } = open();
  const outcomes = [writer.append(ROWS), writer.append(ROWS)];
  connection(0).onResponse({ kind: 'rejected', rows: [{ index: 1, reason: 'no' }] });
  connection(0).onEnd(UNAVAILABLE);
  await expect(outcomes[0]).rejects.toMatchObject({ code: 'unavailable' });
});

test('a service that is silent for a minute has lost the connection', async () => {
  const { clock, connection, reconnect, writer } = open();
  const outcome = writer.append(ROWS);
  clock.advance(59_000);
  await new Promise((resolve) => setImmediate(resolve));
  expect(connection(0).isClosed).toBe(false);
  await reconnect();
  expect(connection(0).isClosed).toBe(true);
  connection(1).onResponse({ kind: 'exists' });
  expect(await outcome).toEqual(APPENDED);
});

test('what no connection can mend is thrown at once', async () => {
  const { connection, connections, writer } = open();
  const outcome = writer.append(ROWS);
  const denied = new CodedError('permission-denied', 'no');
  connection(0).onResponse({ kind: 'failed', error: denied });
  await expect(outcome).rejects.toBe(denied);
  expect(connections).toHaveLength(1);
});

test('an idle connection that ends is replaced when it is needed', async () => {
  const { connection, writer } = open();
  const first = writer.append(ROWS);
  connection(0).onResponse(APPENDED);
  await first;
  connection(0).onEnd(UNAVAILABLE);
  expect(writer.isClean).toBe(true);
  const second = writer.append(ROWS);
  expect(offsets(connection(1))).toEqual([2]);
  connection(1).onResponse(APPENDED);
  await second;
});

test('an export that is stopped while its table is paused stops waiting', async () => {
  const { clock, connection, writer } = open();
  const controller = new AbortController();
  writer.use(controller.signal);
  const outcome = writer.append(ROWS);
  const exhausted = new CodedError('resource-exhausted', 'quota');
  connection(0).onResponse({ kind: 'failed', error: exhausted });
  await clock.untilSleepers(1);
  controller.abort(new CodedError('lease-lost', 'over'));
  await expect(outcome).rejects.toMatchObject({ code: 'lease-lost' });
});
