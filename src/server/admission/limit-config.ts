/** The settings of limits: rules for callers and realms, and what holds for all. */

import { count, size } from '../config/setting.ts';
import { listOf, oneText, optional, recordOf, type Shape } from '../config/shapes.ts';
import {
  type CallerLimits,
  type Capacity,
  type LimitRule,
  limitsOfExposed,
  limitsOfLoopback,
} from './caller-limits.ts';

const upTo = (max: number): Shape<number | undefined> => optional(count({ min: 1, max }).parse);
const REQUESTS = upTo(1_000_000);

interface WrittenRule {
  readonly caller: string | undefined;
  readonly realm: string | undefined;
  readonly requestsPerSecond: number | undefined;
  readonly burst: number | undefined;
  readonly reads: number | undefined;
  readonly heavyReads: number | undefined;
  readonly writes: number | undefined;
  readonly watches: number | undefined;
  readonly waiting: number | undefined;
  readonly bytesInWork: number | undefined;
  readonly resultsPerDay: number | undefined;
}

const writtenRule = recordOf<WrittenRule>(
  {
    caller: optional(oneText),
    realm: optional(oneText),
    requestsPerSecond: REQUESTS,
    burst: REQUESTS,
    reads: REQUESTS,
    heavyReads: REQUESTS,
    writes: REQUESTS,
    watches: REQUESTS,
    waiting: REQUESTS,
    bytesInWork: optional(size({ min: 1024, max: 64 * 1024 ** 3 }).parse),
    resultsPerDay: upTo(1e15),
  },
  'must be a mapping with caller or realm, and limits',
);

/** Throws an Error that says what is wrong. */
export const limitRules: Shape<readonly LimitRule[]> = listOf(limitRule, 'must be a list of rules');

function limitRule(value: unknown, folder: string): LimitRule {
  const { caller, realm, ...limits } = writtenRule(value, folder);
  if ((caller === undefined) === (realm === undefined)) {
    throw new Error('must name either a caller or a realm, in which * stands for any text');
  }
  if (Object.keys(limits).length === 0) throw new Error('sets no limit');
  const { burst, bytesInWork: bytes, requestsPerSecond, resultsPerDay, waiting } = limits;
  const concurrency = {
    read: limits.reads,
    'heavy-read': limits.heavyReads,
    write: limits.writes,
    watch: limits.watches,
  };
  return withoutUndefined({
    caller,
    realm,
    requestsPerSecond,
    burst,
    waiting,
    bytes,
    resultsPerDay,
    concurrency: withoutUndefined(concurrency),
  });
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(record: T): Defined<T> {
  const entries = Object.entries(record).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Defined<T>;
}

const WAIT_MS = { loopback: 30_000, exposed: 5_000 };
/** Requests of the largest size that may be in work at once. */
const LARGEST_REQUESTS = 4;

/** The settings that say what is let in. */
export interface LimitSettings {
  readonly maxReads: number;
  readonly maxHeavyReads: number;
  readonly maxWrites: number;
  readonly maxWatches: number;
  readonly maxBytesInWork: number | undefined;
  readonly maxRequestBytes: number;
  readonly maxWaitMs: number | undefined;
  readonly limits: readonly LimitRule[] | undefined;
}

/** What is let in, with all defaults. */
export interface AdmissionLimits {
  readonly capacity: Capacity;
  readonly general: CallerLimits;
  readonly rules: readonly LimitRule[];
  readonly maxWaitMs: number;
}

/** Without authentication, only programs on this machine can call. */
export function admissionLimits(
  settings: LimitSettings,
  { isLoopback }: { readonly isLoopback: boolean },
): AdmissionLimits {
  const capacity = {
    concurrency: {
      read: settings.maxReads,
      'heavy-read': settings.maxHeavyReads,
      write: settings.maxWrites,
      watch: settings.maxWatches,
    },
    bytes: settings.maxBytesInWork ?? LARGEST_REQUESTS * settings.maxRequestBytes,
  };
  return {
    capacity,
    general: isLoopback ? limitsOfLoopback(capacity) : limitsOfExposed(capacity),
    rules: settings.limits ?? [],
    maxWaitMs: settings.maxWaitMs ?? (isLoopback ? WAIT_MS.loopback : WAIT_MS.exposed),
  };
}
