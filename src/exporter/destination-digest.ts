/**
 * A digest of an export's destination. It is equal for equal messages, however their clients have
 * ordered the entries of maps; a digest of binary protobuf would not be, as that keeps the order.
 */
import { createHash, type Hash } from 'node:crypto';
import { clone, toBinary } from '@bufbuild/protobuf';
import { type ReflectMap, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import {
  type BigQueryExport,
  BigQueryExportSchema,
} from '../gen/luci/resultdb/v1/invocation_pb.js';

/** Returns the SHA-256 of `prefix`, followed by the destination. */
export function digestDestination(destination: BigQueryExport, prefix = ''): Hash {
  const sorted = clone(BigQueryExportSchema, destination);
  sortMaps(reflect(BigQueryExportSchema, sorted));
  return createHash('sha256').update(prefix).update(toBinary(BigQueryExportSchema, sorted));
}

/** Sorts in place. It skips messages in lists or maps, as a destination has none. */
function sortMaps(message: ReflectMessage): void {
  for (const field of message.sortedFields) {
    if (!message.isSet(field)) continue;
    if (field.fieldKind === 'message') sortMaps(message.get(field));
    if (field.fieldKind === 'map') sortMap(message.get(field));
  }
}

function sortMap(map: ReflectMap): void {
  const entries = [...map.entries()].sort(([left], [right]) =>
    String(left) < String(right) ? -1 : 1,
  );
  map.clear();
  for (const [key, value] of entries) map.set(key, value);
}
