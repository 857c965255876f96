/** An admission of calls on a fake clock, with a load that the test sets. */
import { type Metrics, noMetrics, silentLog } from '@postlude/queue/foundations';
import { FakeClock } from '@postlude/queue/testing';
import { Admission } from '../../../src/server/admission/admission.ts';
import {
  type CallerLimits,
  type Capacity,
  type LimitRule,
  LimitRules,
  limitsOfLoopback,
} from '../../../src/server/admission/caller-limits.ts';
import { type Load, LoadControl } from '../../../src/server/admission/load-control.ts';
import { byClass } from '../../../src/server/admission/method-class.ts';

export interface GivenAdmission {
  /** Requests of each class in work at once; 16 unless given. */
  readonly atOnce?: number;
  readonly bytes?: number;
  /** What every caller may use; all of it unless given. */
  readonly limits?: Partial<CallerLimits>;
  readonly rules?: readonly LimitRule[];
  readonly maxWaitMs?: number;
  readonly metrics?: Metrics;
}

export function openTestAdmission(given: GivenAdmission = {}) {
  const clock = new FakeClock();
  const load = { delayMs: 0, heapShare: 0 };
  const control = new LoadControl({
    clock,
    log: silentLog,
    maxDelayMs: 200,
    maxHeapShare: 0.85,
    meter: { read: (): Load => ({ ...load }), close: () => undefined },
  });
  const { atOnce = 16, bytes = 64 * 1024 ** 2 } = given;
  const capacity: Capacity = { bytes, concurrency: byClass(() => atOnce) };
  const admission = new Admission({
    capacity,
    clock,
    load: control,
    metrics: given.metrics ?? noMetrics,
    rules: new LimitRules({ ...limitsOfLoopback(capacity), ...given.limits }, given.rules),
    maxWaitMs: given.maxWaitMs ?? 10_000,
  });
  return { admission, clock, control, load };
}
