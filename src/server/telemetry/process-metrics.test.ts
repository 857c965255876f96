import { silentLog } from '@postlude/queue/foundations';
import { expect, onTestFinished, test } from 'vitest';
import { openMeters } from './meters.ts';
import { observeProcess } from './process-metrics.ts';

test('tells memory, processor time and the delay of the event loop', async () => {
  const { metrics, render } = openMeters({ log: silentLog });
  onTestFinished(observeProcess(metrics));
  const text = await render();
  const valueIn = (series: string): number =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${series} `))
        ?.split(' ')[1],
    );
  expect(valueIn('process_resident_memory_bytes')).toBeGreaterThan(1024 ** 2);
  expect(valueIn('process_cpu_seconds')).toBeGreaterThan(0);
  expect(valueIn('nodejs_eventloop_delay_seconds{quantile="0.99"}')).toBeGreaterThanOrEqual(0);
});
