/** Opens what decides which calls are let in, and when. */
import type { Clock, Log, Metrics } from '@postlude/queue/foundations';
import { Admission } from './admission/admission.ts';
import { LimitRules } from './admission/caller-limits.ts';
import { admissionLimits } from './admission/limit-config.ts';
import { LoadControl } from './admission/load-control.ts';
import { processMeter } from './admission/process-meter.ts';
import type { Config } from './config/config.ts';

export interface OpenAdmission {
  readonly admission: Admission;
  close(): void;
}

export interface AdmissionParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

export function openAdmission(
  config: Config,
  { clock, log, metrics }: AdmissionParts,
): OpenAdmission {
  const { overloadDelayMs: maxDelayMs, overloadHeap } = config;
  const meter = processMeter();
  const maxHeapShare = overloadHeap / 100;
  const load = new LoadControl({ meter, clock, log, maxDelayMs, maxHeapShare });
  const limits = admissionLimits(config, { isLoopback: config.auth.kind === 'none' });
  const { capacity, general, maxWaitMs, rules } = limits;
  const closing = new AbortController();
  void load.run(closing.signal);
  return {
    admission: new Admission({
      rules: new LimitRules(general, rules),
      capacity,
      maxWaitMs,
      load,
      clock,
      metrics,
    }),
    close: () => closing.abort(),
  };
}
