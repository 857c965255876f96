/** Metrics of the process: memory, processor time, and the delay of its event loop. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from '@postlude/queue/foundations';

const QUANTILES = [0.5, 0.99];
const RESOLUTION_MS = 20;
const NANOS_PER_SECOND = 1e9;
const MICROS_PER_SECOND = 1e6;

/** Observes until the returned function is called. */
export function observeProcess(metrics: Metrics): () => void {
  metrics.gauge(
    'process_resident_memory_bytes',
    { description: 'Resident memory', unit: 'By' },
    async () => [{ value: process.memoryUsage.rss(), fields: {} }],
  );
  metrics.gauge(
    'process_cpu_seconds',
    { description: 'CPU time since the start', unit: 's' },
    async () => {
      const { user, system } = process.cpuUsage();
      return [{ value: (user + system) / MICROS_PER_SECOND, fields: {} }];
    },
  );
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  metrics.gauge(
    'nodejs_eventloop_delay_seconds',
    { description: 'How late timers fired since the metrics were last read', unit: 's' },
    async () => {
      const readings = QUANTILES.map((quantile) => ({
        value: delay.percentile(quantile * 100) / NANOS_PER_SECOND,
        fields: { quantile: String(quantile) },
      }));
      delay.reset();
      return readings;
    },
  );
  return () => void delay.disable();
}
