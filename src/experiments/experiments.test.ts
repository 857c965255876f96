import { expect, test } from 'vitest';
import { RecordingLog } from '../../test/support/recording-log.ts';
import { enableExperiments, experiment, noExperiments } from './experiments.ts';

const [A, B] = [experiment('a'), experiment('b')];

test('enables only experiments that are both named and known', () => {
  const log = new RecordingLog();
  const experiments = enableExperiments(['a', 'old', 'a'], [A, B], log);
  expect(experiments.isEnabled(A)).toBe(true);
  expect(experiments.isEnabled(B)).toBe(false);
  expect(log.lines).toMatchObject([
    { level: 'info', fields: { experiment: 'a' } },
    { level: 'warn', fields: { experiment: 'old', known: ['a', 'b'] } },
  ]);
});

test('is off unless enabled', () => {
  expect(noExperiments.isEnabled(A)).toBe(false);
});

test.each([[[A, experiment('a')]], [[experiment('')]]])(
  'finds names that cannot be: %#',
  (known) => {
    expect(() => enableExperiments([], known, new RecordingLog())).toThrow('a name of its own');
  },
);
