/**
 * A commit that a crash of PostgreSQL swallowed, as its callers see it: a producer of tasks, the queue of
 * pushed tasks, and a client of the server. While the server is unreachable for them, other clients take
 * the ids of the transactions that it lost.
 */
import { describe, expect, onTestFinished, test } from 'vitest';
import { testPostgresUrl } from '../../support/databases/databases.ts';
import { startPostgres } from '../../support/databases/postgres-server.ts';
import { takeTransactionIds } from '../../support/databases/proxied-postgres.ts';
import { startTcpProxy } from '../../support/network/tcp-proxy.ts';
import { countCrashWrites } from './crash-counts.ts';
import { newTallies } from './crash-writers.ts';
import { openCrashWrites } from './crash-writes.ts';

/** More transactions than were lost. */
const RACING_TRANSACTIONS = 60;

describe.skipIf(testPostgresUrl() === '')('a commit that a crash swallowed is there once', () => {
  for (const kind of ['tasks', 'pushes', 'results'] as const) {
    test(`if ${kind} were acknowledged`, async () => {
      // Only commits flush the log.
      const server = await startPostgres({ settings: { wal_writer_delay: '10s' } });
      onTestFinished(() => server.stop());
      const proxy = await startTcpProxy(server.port);
      onTestFinished(() => proxy.close());
      const writes = await openCrashWrites({ server, proxy });
      onTestFinished(() => writes.close());
      const tallies = newTallies();
      const write = writes.writer(kind);
      await tallies[kind].take(1, write(1));
      const cut = proxy.cutAt('COMMIT', 'silent').then(() => proxy.accept(false));
      const written = tallies[kind].take(2, write(2));
      await cut;
      await server.restart('crash');
      await takeTransactionIds(server.url, RACING_TRANSACTIONS);
      proxy.accept(true);
      await written;
      const counts = await countCrashWrites(server.url, tallies, await writes.submitted());
      expect(counts).toMatchObject({ acknowledged: 2, acknowledged_lost: 0, foreign_pushes: 0 });
    });
  }
});
