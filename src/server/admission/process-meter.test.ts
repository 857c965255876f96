import { expect, onTestFinished, test } from 'vitest';
import { processMeter } from './process-meter.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a blocked event loop is late, and the heap has a share', async () => {
  const meter = processMeter();
  onTestFinished(() => meter.close());
  let reading = meter.read();
  // Ends once a timer that was late has been measured.
  while (reading.delayMs < 20) {
    const until = performance.now() + 60;
    while (performance.now() < until);
    await turn();
    reading = meter.read();
  }
  expect(reading.heapShare).toBeGreaterThan(0);
  expect(reading.heapShare).toBeLessThan(1);
});
