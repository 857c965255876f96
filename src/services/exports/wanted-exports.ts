/** All exports of an invocation: those that it was created with, and then those that were asked for later. */
import type { Reader } from '@postlude/queue/storage';
import { type ExportAsked, readExportRequests } from '../../exporter/export-requests.ts';
import type { Invocation } from '../../invocations/invocation.ts';
import { decodeExport } from '../shared/invocation-message.ts';

export async function readWantedExports(
  reader: Reader,
  { bigqueryExports, id }: Invocation,
): Promise<readonly ExportAsked[]> {
  const asked = new Map((await readExportRequests(reader, id)).map((each) => [each.index, each]));
  const own = bigqueryExports.map((encoded, index) => ({
    index,
    destination: decodeExport(encoded),
    generation: asked.get(index)?.generation ?? 0,
  }));
  return [...own, ...[...asked.values()].filter(({ index }) => index >= own.length)];
}
