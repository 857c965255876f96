/** Parses the values of options. Commander adds the option's name to an error. */
import { InvalidArgumentError } from 'commander';

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Returns milliseconds. */
export function parseDuration(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  if (amount === undefined || unit === undefined) {
    throw new InvalidArgumentError('a duration is a number followed by s, m, h or d: 90m');
  }
  return Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

/** Parses the largest number of things to show. */
export function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1) return limit;
  throw new InvalidArgumentError('a limit is a whole number from 1');
}

/** Parses the number of an attempt; the first attempt is 1. */
export function parseAttempt(text: string): number {
  const attempt = Number(text);
  if (Number.isSafeInteger(attempt) && attempt >= 1) return attempt;
  throw new InvalidArgumentError('an attempt is a whole number from 1');
}
