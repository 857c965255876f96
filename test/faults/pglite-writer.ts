/** Writes 0, 1, 2, … into a PGlite folder, and prints each number once its commit has returned. */
import { openPglite } from '@postlude/queue/pglite';
import { createNumbers, numbers } from './pglite-numbers.ts';

const [dataDir = ''] = process.argv.slice(2);
const db = await openPglite({ dataDir });
await createNumbers(db);
for (let n = 0; ; n++) {
  await db.write((tx) => tx.insert(numbers, [{ n }]));
  process.stdout.write(`${n}\n`);
}
