import { expect, test } from 'vitest';
import { openCliWithServer } from '../../test/support/cli/cli-world.ts';
import { writeRejectedRows } from '../exporter/rejected-rows.ts';

test('export --rejected lists the rows that a table has refused', async () => {
  const { database, run } = await openCliWithServer();
  await run('create', 'x', '--finalize', '--export', 'p.d.t');
  const rejected = [0, 1].map((row) => {
    return { row, parentId: 'x', testId: `t${row}`, resultId: '0', reason: 'too large' };
  });
  // As if it were the row of the invocation itself, which has no test.
  const nameless = { row: 2, parentId: 'x', testId: '', resultId: '', reason: 'too large' };
  const name = { invocationId: 'x', index: 0 };
  await database.write((tx) => writeRejectedRows(tx, name, [...rejected, nameless]));
  const { out } = await run('export', 'x', '--wait', '--rejected');
  expect(out).toMatch(/^p\.d\.t: DONE {2}0 rows in .*\n/);
  expect(out).toContain('\n  rejected: invocations/x t0 0: too large\n');
  expect(out).toContain('\n  rejected: invocations/x t1 0: too large\n');
  expect(out).toContain('\n  rejected: invocations/x: too large\n');
  const [listed] = (await run('export', 'x', '--rejected', '--json')).json() as object[];
  const row = { parent: 'invocations/x', testId: 't0', resultId: '0', reason: 'too large' };
  expect(listed).toMatchObject({ exports: [{ rejectedRows: [row, {}, {}] }] });
});
