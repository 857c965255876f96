import { expect, onTestFinished, test, vi } from 'vitest';
import { startCollector } from '../../../test/support/server/collector.ts';
import { openTracing } from './tracing.ts';

test('sends spans over OTLP to where the standard variables say, the last ones at the end', async () => {
  const { received, url } = await startCollector();
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', url);
  vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'deployment.environment.name=test-lab');
  onTestFinished(() => void vi.unstubAllEnvs());
  const tracing = openTracing({ serviceVersion: '1.2.3', to: 'otlp' });
  tracing.startCall('luci.resultdb.v1.Recorder/CreateInvocation', {}, new Headers()).end();
  await tracing.close();
  const { path, body } = await received.next();
  expect(path).toBe('/v1/traces');
  expect(body).toContain('luci.resultdb.v1.Recorder/CreateInvocation');
  expect(body).toContain('test-lab');
  expect(body).toContain('1.2.3');
});

test.each([
  ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', true],
  ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00', true],
  ['00-00000000000000000000000000000000-00f067aa0ba902b7-01', false],
  ['ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', false],
  ['4bf92f3577b34da6a3ce929d0e0e4736', false],
  ['', false],
])('with traceparent %j, that the trace goes on is %s', (traceparent, goesOn) => {
  const tracing = openTracing({ serviceVersion: '0', to: 'nowhere' });
  const span = tracing.startCall('call', {}, new Headers({ traceparent }));
  const { traceId } = span.spanContext();
  expect(traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(traceId === '4bf92f3577b34da6a3ce929d0e0e4736').toBe(goesOn);
});

test('a span whose work fails says so, and the failure passes on', async () => {
  const ended: { readonly status: object }[] = [];
  const done = (): Promise<void> => Promise.resolve();
  const tracing = openTracing({
    serviceVersion: '0',
    to: {
      onStart: () => undefined,
      onEnd: (span) => ended.push(span),
      forceFlush: done,
      shutdown: done,
    },
  });
  const failing = tracing.run('task', { attributes: {} }, () =>
    Promise.reject(new Error('no warehouse')),
  );
  await expect(failing).rejects.toThrow('no warehouse');
  expect(await tracing.run('task', { attributes: {} }, async () => 7)).toBe(7);
  expect(ended.map(({ status }) => status)).toEqual([
    { code: 2, message: 'no warehouse' },
    { code: 0 },
  ]);
});
