/**
 * Ranges of reminder ids. An id has 32 hexadecimal digits and ids are evenly spread. So they have the same order
 * as text and as numbers below 2^128, and arithmetic can split a range without reading what is in it. All
 * ranges are [low, high), and none is empty.
 */
import { CodedError } from '../../foundations/errors.ts';
import { isReminderId, REMINDER_ID_LENGTH } from '../reminders/reminder.ts';
import type { IdRange } from '../reminders/reminders.ts';

/** [low, high), 0 <= low < high <= 2^128. */
export interface Partition {
  readonly low: bigint;
  readonly high: bigint;
}

const KEY_SPACE = 16n ** BigInt(REMINDER_ID_LENGTH);
/** Sorts after every hexadecimal digit. */
const BEYOND = 'g';
const TEXT_PATTERN = /^([0-9a-f]{1,33})_([0-9a-f]{1,33})$/;

/** All ids. */
export const UNIVERSE: Partition = { low: 0n, high: KEY_SPACE };

/** Returns `<low>_<high>` in hexadecimal digits. */
export function formatPartition({ low, high }: Partition): string {
  return `${low.toString(16)}_${high.toString(16)}`;
}

/** Throws `invalid-argument` if the text is not one that `formatPartition` returns. */
export function parsePartition(text: string): Partition {
  const [, low, high] = TEXT_PATTERN.exec(text) ?? [];
  const parts = low && high ? partsOf(BigInt(`0x${low}`), BigInt(`0x${high}`)) : [];
  const [partition] = parts;
  if (partition && partition.high <= KEY_SPACE) return partition;
  throw new CodedError('invalid-argument', `${JSON.stringify(text)} is not a range of reminders`);
}

/** Returns the bounds of the ids as the database stores them. */
export function idRangeOf({ low, high }: Partition): IdRange {
  return { low: toId(low), high: toId(high) };
}

/** The inverse of `idRangeOf`. */
export function partitionOf({ low, high }: IdRange): Partition {
  return { low: toBound(low), high: toBound(high) };
}

/** Returns the range from `first` to `last`, both included. Throws `invalid-argument` if one is not an id. */
export function spanInclusive(first: string, last: string): Partition {
  return { low: toNumber(first), high: toNumber(last) + 1n };
}

/** Returns at most `count` parts of equal length; only the last one may be shorter. */
export function splitPartition({ low, high }: Partition, count: number): Partition[] {
  const step = divideUp(high - low, BigInt(count));
  const parts: Partition[] = [];
  for (let start = low; start < high; start += step) {
    parts.push({ low: start, high: smaller(start + step, high) });
  }
  return parts;
}

export interface Density {
  /** The last id that was seen. */
  readonly last: string;
  /** How many ids were seen, from the low end of the partition up to `last`. */
  readonly seen: number;
  /** How many ids one part should hold. */
  readonly target: number;
  readonly maxParts: number;
}

/** Returns what follows an id of the partition, or `undefined` if nothing does. */
export function restAfter({ high }: Partition, id: string): Partition | undefined {
  return partsOf(toNumber(id) + 1n, high)[0];
}

/**
 * Splits what follows the last id that was seen into parts. Each part holds `target` ids if the rest is as
 * dense as what was seen.
 */
export function splitAfter(
  partition: Partition,
  { last, seen, target, maxParts }: Density,
): Partition[] {
  const rest = restAfter(partition, last);
  if (!rest) return [];
  const expected = BigInt(seen) * (rest.high - rest.low);
  const wanted = divideUp(expected, BigInt(target) * (rest.low - partition.low));
  return splitPartition(rest, Number(smaller(wanted, BigInt(maxParts))));
}

/** Returns what is left of a partition without the others, in order. The others may overlap. */
export function exclude(partition: Partition, others: readonly Partition[]): Partition[] {
  return others.reduce<Partition[]>(
    (left, other) =>
      left.flatMap(({ low, high }) => [
        ...partsOf(low, smaller(high, other.low)),
        ...partsOf(larger(low, other.high), high),
      ]),
    [partition],
  );
}

/** Returns the ids that are in one of the partitions. Both arguments must be in order. */
export function onlyIn(ids: readonly string[], partitions: readonly Partition[]): string[] {
  return partitions.flatMap((partition) => {
    const { low, high } = idRangeOf(partition);
    return ids.slice(countBefore(ids, low), countBefore(ids, high));
  });
}

function countBefore(ids: readonly string[], bound: string): number {
  let start = 0;
  let end = ids.length;
  while (start < end) {
    const middle = (start + end) >>> 1;
    if ((ids[middle] ?? bound) < bound) start = middle + 1;
    else end = middle;
  }
  return start;
}

/** Returns the partition, or nothing if it would be empty. */
function partsOf(low: bigint, high: bigint): Partition[] {
  return low < high ? [{ low, high }] : [];
}

function toId(value: bigint): string {
  return value < KEY_SPACE ? value.toString(16).padStart(REMINDER_ID_LENGTH, '0') : BEYOND;
}

function toBound(text: string): bigint {
  return text === BEYOND ? KEY_SPACE : toNumber(text);
}

function toNumber(id: string): bigint {
  if (isReminderId(id)) return BigInt(`0x${id}`);
  throw new CodedError('invalid-argument', `${JSON.stringify(id)} is not the id of a reminder`);
}

function divideUp(value: bigint, divisor: bigint): bigint {
  return (value + divisor - 1n) / divisor;
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
