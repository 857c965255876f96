/** Formats spans of time. */
import { type Timestamp, timestampMs } from '@bufbuild/protobuf/wkt';
import type { EpochMs } from '@postlude/queue/foundations';

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
] as const;

/** Returns how far apart two times are, in the largest unit that fits twice: `90m`, `6h`, `3d`. */
export function ageOf(time: Timestamp | undefined, now: EpochMs): string {
  if (time === undefined) return '';
  const ms = Math.abs(now - timestampMs(time));
  const [unit, unitMs] = UNITS.find(([, each]) => ms >= 2 * each) ?? ['s', 1_000];
  return `${Math.floor(ms / unitMs)}${unit}`;
}
