import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { eachServerDatabase } from '../server-databases.ts';
import { CliProcess } from './cli-process.ts';

eachServerDatabase((open, name) => {
  // An embedded one belongs to one process at a time.
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
