/** What letting a call in and out costs by itself, in one process, without HTTP. */
import { noMetrics, silentLog, systemClock } from '@postlude/queue/foundations';
import { Admission } from '../../src/server/admission/admission.ts';
import { LimitRules, limitsOfExposed } from '../../src/server/admission/caller-limits.ts';
import { LoadControl } from '../../src/server/admission/load-control.ts';
import { byClass } from '../../src/server/admission/method-class.ts';
import { identityParty } from '../../src/server/admission/party.ts';
import { processMeter } from '../../src/server/admission/process-meter.ts';

const METHOD = 'luci.resultdb.v1.ResultDB/GetInvocation';
const CALLERS = 100;

export async function measureCost(calls: number) {
  const meter = processMeter();
  const load = new LoadControl({
    meter,
    clock: systemClock,
    log: silentLog,
    maxDelayMs: 200,
    maxHeapShare: 0.85,
  });
  const capacity = { bytes: 64 * 1024 ** 2, concurrency: byClass(() => 32) };
  const general = { ...limitsOfExposed(capacity), requestsPerSecond: 1e9, burst: 1e9 };
  const admission = new Admission({
    capacity,
    load,
    rules: new LimitRules(general),
    maxWaitMs: 10_000,
    clock: systemClock,
    metrics: noMetrics,
  });
  const parties = Array.from({ length: CALLERS }, (_, index) => identityParty(`user:${index}`));
  const { signal } = new AbortController();
  const run = async (count: number): Promise<number> => {
    const startedAt = performance.now();
    for (let call = 0; call < count; call++) {
      const party = parties[call % CALLERS] ?? identityParty('user');
      const given = { method: METHOD, party, realm: undefined, bytes: 100, signal };
      (await admission.enter(given)).release();
    }
    return (performance.now() - startedAt) / 1000;
  };
  await run(calls / 10);
  const seconds = await run(calls);
  meter.close();
  return {
    calls_per_second: Math.round(calls / seconds),
    us_a_call: round((seconds * 1e6) / calls),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
