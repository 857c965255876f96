import { afterEach, expect, test, vi } from 'vitest';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

test('the queue example sends its letter once, and ends', async () => {
  vi.stubEnv('DATABASE_URL', '');
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  await import('./queue.ts');
  expect(log.mock.calls).toEqual([['attempt 1: a letter to ada@example.com']]);
});
