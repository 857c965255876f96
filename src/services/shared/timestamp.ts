/** Converts between protobuf's times and epoch milliseconds with a resolution of a microsecond. */
import { create } from '@bufbuild/protobuf';
import {
  type Duration,
  DurationSchema,
  type Timestamp,
  TimestampSchema,
} from '@bufbuild/protobuf/wkt';
import type { EpochMs } from '@postlude/queue/foundations';
import { invalid } from './field.ts';

const MICROS_PER_SECOND = 1_000_000;
const NANOS_PER_SECOND = 1_000_000_000;
// Protobuf allows 0001-01-01 to 9999-12-31, and durations of about 10,000 years.
const MIN_SECONDS = -62_135_596_800n;
const MAX_SECONDS = 253_402_300_799n;
const MAX_DURATION_SECONDS = 315_576_000_000n;

export function toTimestamp(time: EpochMs): Timestamp {
  const micros = Math.round(time * 1000);
  const seconds = Math.floor(micros / MICROS_PER_SECOND);
  const nanos = (micros - seconds * MICROS_PER_SECOND) * 1000;
  return create(TimestampSchema, { seconds: BigInt(seconds), nanos });
}

/** Throws `invalid-argument` for a time that protobuf does not allow. */
export function fromTimestamp(timestamp: Timestamp): EpochMs {
  const { seconds, nanos } = timestamp;
  if (seconds < MIN_SECONDS || seconds > MAX_SECONDS) throw invalid('is out of range');
  if (nanos < 0 || nanos >= NANOS_PER_SECOND) throw invalid('nanos are out of range');
  return Number(seconds) * 1000 + Math.floor(nanos / 1000) / 1000;
}

export function toDuration(micros: number): Duration {
  const seconds = Math.trunc(micros / MICROS_PER_SECOND);
  const nanos = (micros - seconds * MICROS_PER_SECOND) * 1000;
  return create(DurationSchema, { seconds: BigInt(seconds), nanos });
}

/** Returns whole microseconds, rounded towards zero. Throws `invalid-argument` as protobuf demands. */
export function fromDuration(duration: Duration): number {
  const { seconds, nanos } = duration;
  if (seconds < -MAX_DURATION_SECONDS || seconds > MAX_DURATION_SECONDS) {
    throw invalid('is out of range');
  }
  if (Math.abs(nanos) >= NANOS_PER_SECOND) throw invalid('nanos are out of range');
  if (Number(seconds) * nanos < 0) throw invalid('seconds and nanos differ in sign');
  const micros = Number(seconds) * MICROS_PER_SECOND + Math.trunc(nanos / 1000);
  // Databases store a number of microseconds, of which 285 years are exact.
  if (!Number.isSafeInteger(micros)) throw invalid('is out of range');
  return micros;
}
