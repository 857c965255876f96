import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { eachServerDatabase } from '../server-databases.ts';
import { testPostgresUrl, testSchema, withTestClient } from '../support/databases/databases.ts';
import { CliProcess } from './cli-process.ts';

eachServerDatabase((open, name) => {
  // Only one process at a time can open an embedded database.
  test.skipIf(name === 'pglite')('two processes that migrate at once share the work', async () => {
    const database = await open();
    const migrate = () => new CliProcess(tmpdir(), ['migrate', '--json'], database).ended;
    const ended = await Promise.all([migrate(), migrate()]);
    expect(ended).toMatchObject([
      { code: 0, err: '' },
      { code: 0, err: '' },
    ]);
    const applied = ended.flatMap(({ out }) => JSON.parse(out).applied as string[]);
    expect(applied.length).toBeGreaterThanOrEqual(5);
    expect(new Set(applied).size).toBe(applied.length);
    expect(JSON.parse((await migrate()).out)).toEqual({ applied: [] });
  });
});

test
  .skipIf(testPostgresUrl() === '')
  .each([['migrate'], ['serve', '--listen', '127.0.0.1:0'], ['sweep']])(
  'SIGTERM ends %s also while it waits for somebody else’s migration',
  async (...argv) => {
    const schema = testSchema();
    await withTestClient(async (client) => {
      const lock = 'SELECT pg_advisory_lock(hashtextextended($1, 0))';
      await client.query(lock, [`postlude migrate ${schema}`]);
      const database = ['--database', testPostgresUrl(), '--schema', schema];
      const command = new CliProcess(tmpdir(), [...argv, ...database]);
      const waiting = `SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'
        AND (classid::bigint << 32) + objid::bigint = hashtextextended($1, 0)`;
      while ((await client.query(waiting, [`postlude migrate ${schema}`])).rowCount === 0);
      command.child.kill('SIGTERM');
      expect(await command.ended).toMatchObject({ code: 143 });
    });
  },
);
