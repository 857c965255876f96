/** Results of many parts that break off in the middle, and what becomes of their readers. */
import { describe, expect, test } from 'vitest';
import { testSpannerHost } from '../../../../../test/support/databases/databases.ts';
import type { Ending, Fault } from '../../../../../test/support/spanner/proxied-call.ts';
import {
  onEach,
  openFaultWorld,
  UNAVAILABLE,
} from '../../../../../test/support/spanner/spanner-fault-world.ts';
import type {
  ProxiedOptions,
  SpannerFaults,
} from '../../../../../test/support/spanner/spanner-proxy.ts';
import { resumeTokens } from '../../../../../test/support/spanner/spanner-resume-tokens.ts';
import { accounts } from '../../../../../test/support/suites/suite-tables.ts';
import { int, text } from '../column.ts';
import type { Reader } from '../database.ts';
import { sql } from '../sql.ts';

const ROWS = 1_000;
/** The emulator cuts results into parts of a megabyte, also within a value: ten of them here. */
const NOTE = 'n'.repeat(10_000);
const IN_ORDER = sql`SELECT number, note FROM ${accounts} ORDER BY number`;
const ALL = Array.from({ length: ROWS }, (_, number) => number);

async function openWithRows(faults: SpannerFaults, options: ProxiedOptions = {}) {
  const world = await openFaultWorld(onEach('ExecuteStreamingSql', faults), options);
  await world.direct.write((tx) =>
    tx.insert(
      accounts,
      ALL.map((number) => ({ owner: 'ada', number, balance: 0, note: NOTE })),
    ),
  );
  return world;
}

async function readAll(tx: Reader): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { number, note } of tx.stream(IN_ORDER, { number: int, note: text })) {
    expect(note).toBe(NOTE);
    numbers.push(number);
  }
  return numbers;
}

const cutAfter = (messages: number, ending: Ending): Fault => ({
  moment: 'after',
  messages,
  ending,
});

describe.skipIf(testSpannerHost() === '')('a long stream on the emulator', () => {
  test('of a snapshot continues after the last token, wherever it breaks off', async () => {
    const cuts = [
      cutAfter(3, UNAVAILABLE),
      cutAfter(1, 'stream-reset'),
      cutAfter(2, 'connection-lost'),
      cutAfter(4, UNAVAILABLE),
    ];
    const { database, calls } = await openWithRows(({ nth }) => cuts[nth], {
      rewrite: resumeTokens,
    });
    expect(await database.read(readAll)).toEqual(ALL);
    expect(calls.get('ExecuteStreamingSql')).toBe(5);
  });

  test('of a snapshot without tokens begins again', async () => {
    const faults: SpannerFaults = ({ nth }) => (nth === 0 ? cutAfter(5, UNAVAILABLE) : undefined);
    const { database, calls } = await openWithRows(faults);
    expect(await database.read(readAll)).toEqual(ALL);
    expect(calls.get('ExecuteStreamingSql')).toBe(2);
  });

  test('in a read-write transaction makes it run again', async () => {
    const faults: SpannerFaults = ({ nth }) => (nth < 2 ? cutAfter(5, UNAVAILABLE) : undefined);
    const { database, calls } = await openWithRows(faults, { rewrite: resumeTokens });
    let runs = 0;
    const read = database.write(async (tx) => {
      runs += 1;
      return await readAll(tx);
    });
    expect(await read).toEqual(ALL);
    expect(runs).toBe(3);
    expect(calls.get('ExecuteStreamingSql')).toBe(3);
  });

  test('that its reader leaves releases its session', async () => {
    const { database, calls } = await openWithRows(() => undefined);
    const first = await database.read(async (tx) => {
      for await (const { number } of tx.stream(IN_ORDER, { number: int })) return number;
    });
    expect(first).toBe(0);
    expect(await database.read(readAll)).toEqual(ALL);
    expect(calls.get('CreateSession')).toBe(1);
  });
});
