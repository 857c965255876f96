import { expect, test } from 'vitest';
import { configProblems, loadTestConfig } from '../../../test/support/server/test-config.ts';
import { admissionLimits } from './limit-config.ts';

const fileOf = (rules: string) => ({ files: { 'postlude.yaml': `limits:\n${rules}` } });

test('a rule says what it changes, and no more', async () => {
  const { config } = await loadTestConfig(
    fileOf(
      "  - caller: 'service:*'\n    writes: 2\n    requestsPerSecond: 5\n  - realm: ci:main\n    resultsPerDay: 1000000\n    bytesInWork: 1MiB\n",
    ),
  );
  expect(config.limits).toEqual([
    { caller: 'service:*', concurrency: { write: 2 }, requestsPerSecond: 5 },
    { realm: 'ci:main', concurrency: {}, resultsPerDay: 1_000_000, bytes: 1024 ** 2 },
  ]);
});

test.each([
  ['  - writes: 2', 'must name either a caller or a realm, in which * stands for any text'],
  ["  - caller: '*'\n    realm: ci:main\n    writes: 2", 'must name either a caller or a realm'],
  ['  - realm: ci:main', 'sets no limit'],
  ['  - realm: ci:main\n    write: 2', 'unknown key write (did you mean writes?)'],
  ['  - realm: ci:main\n    writes: 0', 'writes: must be between 1 and 1000000'],
  ['  - realm: ci:main\n    bytesInWork: 5', 'bytesInWork: must be a size with its unit'],
])('%j is refused', async (rules, problem) => {
  expect(await configProblems(fileOf(rules))).toEqual([
    expect.stringContaining(`limits [0]: ${problem}`),
  ]);
});

test('one caller may use all of a server of its own machine, and a part of an exposed one', async () => {
  const { config } = await loadTestConfig({});
  const own = admissionLimits(config, { isLoopback: true });
  expect(own.general).toMatchObject({
    concurrency: own.capacity.concurrency,
    bytes: own.capacity.bytes,
    requestsPerSecond: undefined,
    resultsPerDay: undefined,
  });
  expect(own.maxWaitMs).toBe(30_000);
  const exposed = admissionLimits(config, { isLoopback: false });
  expect(exposed.general).toMatchObject({
    concurrency: { read: 16, 'heavy-read': 2, write: 8, watch: 250 },
    bytes: 4 * 1024 ** 2,
    requestsPerSecond: 200,
    resultsPerDay: 20_000_000,
  });
  expect(exposed.maxWaitMs).toBe(5_000);
});
