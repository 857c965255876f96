import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const queue = join(import.meta.dirname, 'packages/queue/src/entry-points');
const own = join(import.meta.dirname, 'src');

// Processes that tests start resolve the packages to their sources, too.
process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --conditions=postlude-source`;

export default defineConfig({
  // Everything outside a package imports it by its name, as users do, and gets its sources.
  resolve: {
    alias: [
      { find: /^@postlude\/queue$/, replacement: join(queue, 'index.ts') },
      { find: /^@postlude\/queue\/(.+)$/, replacement: `${queue}/$1.ts` },
      { find: /^@postlude\/postlude$/, replacement: join(own, 'index.ts') },
      { find: /^@postlude\/postlude\/(.+)$/, replacement: `${join(own, 'entry-points')}/$1.ts` },
    ],
  },
  test: {
    include: [
      'src/**/*.test.ts',
      'packages/*/src/**/*.test.ts',
      'test/**/*.test.ts',
      'examples/*.test.ts',
    ],
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
