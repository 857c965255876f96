import { silentLog } from '@postlude/queue/foundations';
import { expect, test } from 'vitest';
import { jsonLog } from './json-log.ts';
import { openMeters } from './meters.ts';

test('renders counters, histograms and gauges', async () => {
  const { metrics, render } = openMeters({ log: silentLog });
  metrics.counter('attempts', { description: 'Attempts.' }).add(2, { type: 'finalize' });
  const duration = metrics.histogram('duration_seconds', { description: 'Duration.', unit: 's' });
  duration.record(0.03, { type: 'finalize' });
  metrics.gauge('oldest', { description: 'Oldest.' }, async () => [
    { value: 7, fields: { type: 'a' } },
    { value: 9, fields: { type: 'b' } },
  ]);
  const text = await render();
  expect(text).toContain('# TYPE attempts_total counter\nattempts_total{type="finalize"} 2\n');
  expect(text).toContain('duration_seconds_bucket{type="finalize",le="0.025"} 0\n');
  expect(text).toContain('duration_seconds_bucket{type="finalize",le="0.05"} 1\n');
  expect(text).toContain('# HELP oldest Oldest.\n');
  expect(text).toContain('oldest{type="a"} 7\noldest{type="b"} 9\n');
});

test('a series that a gauge leaves out disappears', async () => {
  const { metrics, render } = openMeters({ log: silentLog });
  let types = ['a', 'b'];
  metrics.gauge('oldest', { description: 'Oldest.' }, async () =>
    types.map((type) => ({ value: 1, fields: { type } })),
  );
  expect(await render()).toContain('oldest{type="b"} 1');
  types = ['a'];
  expect(await render()).not.toContain('type="b"');
});

test('a gauge that fails is logged, and the others are rendered', async () => {
  const lines: string[] = [];
  const { metrics, render } = openMeters({
    log: jsonLog('warn', { write: (line) => lines.push(line) }),
  });
  metrics.gauge('broken', { description: '' }, () => Promise.reject(new Error('no database')));
  metrics.counter('works', { description: '' }).add(1);
  expect(await render()).toContain('works_total 1');
  expect(lines.join()).toContain('no database');
});
