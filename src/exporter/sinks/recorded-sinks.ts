/**
 * Which sink has an export that is done. Rules may change later, and then send the table to another sink; the
 * export is still found where it is.
 */
import {
  type Database,
  int,
  LOOK,
  type Reader,
  type Row,
  table,
  text,
} from '@postlude/queue/storage';
import { exportKey } from '../rejected-rows.ts';
import type { Export } from '../sink.ts';

export const exportSinks = table(
  'export_sinks',
  { invocationId: text, exportIndex: int, fingerprint: text, sink: text },
  ['invocationId', 'exportIndex'],
);

type Done = Omit<Export, 'attempt'>;

/** Replaces what was written down for an earlier generation. */
export async function recordSink(
  db: Pick<Database, 'write'>,
  exported: Done,
  sink: string,
): Promise<void> {
  const { fingerprint } = exported;
  await db.write(async (tx) => {
    const row = await readRow(tx, exported);
    if (row?.fingerprint === fingerprint && row.sink === sink) return;
    await tx.upsert(exportSinks, [{ ...exportKey(exported), fingerprint, sink }]);
  });
}

/** Returns the name of the sink; `undefined` if none is known. */
export async function readRecordedSink(
  db: Pick<Database, 'read'>,
  exported: Done,
): Promise<string | undefined> {
  const row = await db.read((tx) => readRow(tx, exported), LOOK);
  return row?.fingerprint === exported.fingerprint ? row.sink : undefined;
}

async function readRow(
  reader: Reader,
  exported: Done,
): Promise<Row<typeof exportSinks> | undefined> {
  const [row] = await reader.readKeys(exportSinks, [exportKey(exported)], exportSinks.columns);
  return row;
}
