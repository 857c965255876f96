import { expect, onTestFinished, test, vi } from 'vitest';
import { startCollector } from '../../../test/support/server/collector.ts';
import { jsonLog } from './json-log.ts';
import { openMeters } from './meters.ts';

/** Long enough that only closing sends anything. */
const otlp = { intervalMs: 86_400_000 };

function openSending(url: string) {
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', url);
  onTestFinished(() => void vi.unstubAllEnvs());
  const lines: string[] = [];
  const log = jsonLog('warn', { write: (line) => lines.push(line) });
  return { ...openMeters({ log, serviceVersion: '1.2.3', otlp }), lines };
}

test('sends metrics over OTLP to where the standard variables say, the last ones at the end', async () => {
  const { received, url } = await startCollector();
  vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'deployment.environment.name=test-lab');
  const { metrics, close } = openSending(url);
  metrics.counter('attempts', { description: 'Attempts.' }).add(2, { type: 'finalize' });
  metrics.gauge('oldest', { description: 'Oldest.' }, async () => [
    { value: 7, fields: { table: 'acme.ci.runs' } },
  ]);
  await close();
  const { path, body } = await received.next();
  expect(path).toBe('/v1/metrics');
  for (const part of ['attempts', 'finalize', 'oldest', 'acme.ci.runs', 'test-lab', '1.2.3'])
    expect(body).toContain(part);
});

test('what is sent and what is rendered are equal', async () => {
  const { received, url } = await startCollector();
  const { metrics, render, close } = openSending(url);
  const counter = metrics.counter('attempts', { description: 'Attempts.' });
  counter.add(1, { type: 'rendered-before' });
  expect(await render()).toContain('attempts_total{type="rendered-before"} 1');
  await close();
  expect((await received.next()).body).toContain('rendered-before');
});

test('a collector that refuses is logged', async () => {
  const { url } = await startCollector(400);
  const { metrics, close, lines } = openSending(url);
  metrics.counter('attempts', { description: 'Attempts.' }).add(1);
  await close().catch(() => undefined);
  expect(lines.join()).toContain('cannot send metrics');
});
