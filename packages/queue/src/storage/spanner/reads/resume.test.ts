import { expect, test } from 'vitest';
import { GRPC } from '../../../../../../test/support/spanner/grpc-messages.ts';
import { leapingClock } from '../../../../../../test/support/spanner/spanner-fault-world.ts';
import { randomInt, seededRandom, systemRandom } from '../../../foundations/random.ts';
import type { ResultPart } from '../calls/client.ts';
import { toStorageError } from '../errors.ts';
import { resume } from './resume.ts';

const ROWS = 60;

const unavailable = toStorageError(Object.assign(new Error('gone'), { code: GRPC.unavailable }));
const refused = toStorageError(Object.assign(new Error('no'), { code: 3 }));

interface Server {
  /** Behind which row there is a token. */
  readonly hasToken: (row: number) => boolean;
  /** What happens before a row is sent, in an attempt counted from 1. */
  readonly breaks: (row: number, attempt: number) => Error | undefined;
}

/** Reads rows of one value each, which tells the row and the attempt that sent it. */
async function readFrom({ hasToken, breaks }: Server) {
  let attempts = 0;
  async function* open(token: Uint8Array | undefined): AsyncGenerator<ResultPart> {
    attempts += 1;
    for (let row = token?.[0] ?? 0; row < ROWS; row++) {
      const error = breaks(row, attempts);
      if (error) throw error;
      const values = [{ stringValue: `${row} ${attempts}` }];
      yield hasToken(row) ? { values, resumeToken: Uint8Array.of(row + 1) } : { values };
    }
  }
  const rows: { row: number; attempt: number }[] = [];
  const clock = leapingClock();
  let error: unknown;
  try {
    for await (const { values } of resume(open, { clock, random: () => 0.5 })) {
      const [row = -1, attempt = -1] = (values?.[0]?.stringValue ?? '').split(' ').map(Number);
      rows.push({ row, attempt });
    }
  } catch (thrown) {
    error = thrown;
  }
  return { rows: rows.map(({ row }) => row), sent: rows, attempts, error };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, row) => row);

test('wherever a read breaks, each row arrives once, and rows without a token between them come from one attempt', async () => {
  const first = randomInt(systemRandom, 1_000_000_000);
  for (let seed = first; seed < first + 300; seed++) {
    const random = seededRandom(seed);
    const tokens = new Set(upTo(ROWS).filter((row) => row % 10 === 9 || random() < 0.2));
    const { rows, sent, error } = await readFrom({
      hasToken: (row) => tokens.has(row),
      breaks: (_, attempt) => (attempt < 5 && random() < 0.05 ? unavailable : undefined),
    });
    expect({ seed, error, rows }).toEqual({ seed, error: undefined, rows: upTo(ROWS) });
    for (const [index, { row, attempt }] of sent.entries()) {
      if (!tokens.has(row)) expect(sent[index + 1]?.attempt ?? attempt, `${seed}`).toBe(attempt);
    }
  }
});

test('a read that breaks before its first token begins again', async () => {
  const { rows, attempts } = await readFrom({
    hasToken: () => false,
    breaks: (row, attempt) => (row === 15 && attempt === 1 ? unavailable : undefined),
  });
  expect(rows).toEqual(upTo(ROWS));
  expect(attempts).toBe(2);
});

test('a break is final if rows without a token have already been passed on', async () => {
  const { rows, attempts, error } = await readFrom({
    hasToken: (row) => row === 50,
    breaks: (row) => (row === 40 ? unavailable : undefined),
  });
  expect(error).toBe(unavailable);
  expect(rows).toEqual(upTo(40));
  expect(attempts).toBe(1);
});

test('a token makes a read resumable again', async () => {
  const { rows, attempts } = await readFrom({
    hasToken: (row) => row === 50,
    breaks: (row, attempt) => (row === 55 && attempt < 3 ? unavailable : undefined),
  });
  expect(rows).toEqual(upTo(ROWS));
  expect(attempts).toBe(3);
});

test('a read fails after six attempts in a row without progress', async () => {
  const { rows, attempts, error } = await readFrom({
    hasToken: () => true,
    breaks: (row) => (row === 20 ? unavailable : undefined),
  });
  expect(error).toBe(unavailable);
  expect(rows).toEqual(upTo(20));
  expect(attempts).toBe(6);
});

test('a refused read is not repeated', async () => {
  const { attempts, error } = await readFrom({ hasToken: () => true, breaks: () => refused });
  expect(error).toBe(refused);
  expect(attempts).toBe(1);
});
