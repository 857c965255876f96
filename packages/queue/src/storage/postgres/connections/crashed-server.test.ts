/**
 * What becomes of a commit that was under way when the server crashed. After its recovery the server
 * hands out the ids of transactions whose log it never flushed a second time. Here another client gets
 * them, before we can connect again.
 */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { testPostgresUrl } from '../../../../../../test/support/databases/databases.ts';
import {
  type PostgresServer,
  startPostgres,
} from '../../../../../../test/support/databases/postgres-server.ts';
import { takeTransactionIds } from '../../../../../../test/support/databases/proxied-postgres.ts';
import { startTcpProxy, type TcpProxy } from '../../../../../../test/support/network/tcp-proxy.ts';
import { accounts, allAccounts } from '../../../../../../test/support/suites/suite-tables.ts';
import { createPostgresSuiteTables } from '../../../../../../test/support/suites/suite-tables-postgres.ts';
import type { Database } from '../../database.ts';
import { openPostgres } from '../open.ts';

const ada = { owner: 'ada', number: 1, balance: 100 };
const bob = { owner: 'bob', number: 1, balance: 100 };
/** More than the crashed transaction was behind the last one that was flushed. */
const RACING_TRANSACTIONS = 20;

interface Bench {
  readonly server: PostgresServer;
  readonly proxy: TcpProxy;
  /** Reaches the server through the proxy. */
  readonly db: Database;
  /** Reaches it directly. */
  readonly outside: Database;
}

describe.skipIf(testPostgresUrl() === '')('a commit cut by a crash of the server', () => {
  let server: PostgresServer;

  beforeAll(async () => {
    // Nobody flushes the log but commits.
    server = await startPostgres({ settings: { wal_writer_delay: '10s' } });
  });

  afterAll(() => server.stop());

  async function openBench(schema: string): Promise<Bench> {
    const proxy = await startTcpProxy(server.port);
    const outside = await openPostgres({ url: server.url, schema });
    const url = new URL(server.url);
    url.port = String(proxy.port);
    const db = await openPostgres({ url: url.href, schema });
    onTestFinished(async () => {
      await db.close();
      await outside.close();
      await proxy.close();
    });
    await outside.migrate();
    await createPostgresSuiteTables(outside);
    return { server, proxy, db, outside };
  }

  const crashes = {
    'that is restarted at once': (bench: Bench) => bench.server.restart('crash'),
    'one of whose processes was killed': (bench: Bench) => bench.server.killBackend(),
  };

  for (const [index, [name, crash]] of Object.entries(crashes).entries()) {
    test(`${name} is not confused with the commit that got its id`, async () => {
      const bench = await openBench(`crash_${index}`);
      await bench.db.write((tx) => tx.insert(accounts, [bob]));
      let runs = 0;
      const cut = bench.proxy.cutAt('COMMIT', 'silent').then(() => bench.proxy.accept(false));
      const written = bench.db.write(async (tx) => {
        runs += 1;
        await tx.insert(accounts, [ada]);
      });
      await cut;
      await crash(bench);
      await takeTransactionIds(bench.server.url, RACING_TRANSACTIONS);
      bench.proxy.accept(true);
      await written;
      expect(await allAccounts(bench.outside)).toMatchObject([ada, bob]);
      expect(runs).toBe(2);
    });
  }
});
