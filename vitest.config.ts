import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'examples/*.test.ts'],
    // One worker serves many files, so that they share one embedded database;
    // tests isolate themselves by schema.
    isolate: false,
    maxWorkers: 2,
    globalSetup: ['./test/postgres-server.ts'],
    reporters: ['default', './test/summary-reporter.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
