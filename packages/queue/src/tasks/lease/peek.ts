import { text, timestamp } from '../../storage/column.ts';
import type { Database } from '../../storage/database.ts';
import { raw } from '../../storage/sql.ts';
import type { DatabaseTime } from '../../storage/time.ts';
import { isFree, selectDue } from './due.ts';

const PAGE_SIZE = 500;

/** Yields the ids of tasks that are due and free, oldest first, a page at a time. */
export async function* peekTasks(
  db: Database,
  { type, time }: { readonly type: string; readonly time: DatabaseTime },
): AsyncGenerator<string> {
  let after = { processAfter: 0, id: '' };
  for (;;) {
    const page = await db.read((tx) => {
      const key = [raw('process_after'), raw('id')];
      const isAfter = tx.dialect.isAfterKey(key, [timestamp(after.processAfter), text(after.id)]);
      const conditions = [isAfter, isFree(time.now)];
      return tx.query(
        selectDue(tx.dialect, { type, now: time.now, limit: PAGE_SIZE, conditions }),
        {
          processAfter: timestamp,
          id: text,
        },
      );
    });
    yield* page.map(({ id }) => id);
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE_SIZE) return;
    after = last;
  }
}
