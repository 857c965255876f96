import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const sources = join(import.meta.dirname, 'src');

export default defineConfig({
  // Examples import the package by its name, as users do.
  resolve: {
    alias: [
      { find: /^@postlude\/postlude$/, replacement: join(sources, 'index.ts') },
      {
        find: /^@postlude\/postlude\/(.+)$/,
        replacement: `${join(sources, 'entry-points')}/$1.ts`,
      },
    ],
  },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'examples/*.test.ts'],
    // One worker serves many files, so that they share one embedded database;
    // tests isolate themselves by schema.
    isolate: false,
    maxWorkers: 2,
    globalSetup: [
      './test/postgres-server.ts',
      './test/spanner-emulator.ts',
      './test/go-emulators.ts',
    ],
    reporters: ['default', './test/summary-reporter.ts'],
    testTimeout: 240_000,
    hookTimeout: 120_000,
  },
});
