/** Converts an export to the message of the API. Paths of the server are for its operators alone. */
import { create } from '@bufbuild/protobuf';
import type { ExportStatus } from '../../exporter/status.ts';
import type { BigQueryExport } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import { type Export, Export_State, ExportSchema } from '../../gen/postlude/v1/exports_pb.js';
import { toTimestamp } from '../shared/timestamp.ts';

const STATES: Readonly<Record<ExportStatus['state'], Export_State>> = {
  waiting: Export_State.WAITING,
  pending: Export_State.PENDING,
  done: Export_State.DONE,
  dead: Export_State.DEAD,
  // The file was removed by hand. Only a new request exports it again.
  absent: Export_State.UNSPECIFIED,
};

/** The task has the whole text. */
const MAX_REASON_LENGTH = 1_000;

export function toExportMessage(
  wanted: { readonly index: number; readonly destination: BigQueryExport },
  status: ExportStatus,
): Export {
  const message = create(ExportSchema, { ...wanted, state: STATES[status.state] });
  if (status.state === 'done') {
    const { location, rows, rejected = 0, sha256 = '' } = status.receipt;
    return { ...message, location, rows: BigInt(rows), rejected: BigInt(rejected), sha256 };
  }
  if (!('reason' in status)) return message;
  const { reason = '' } = status;
  const next = status.state === 'pending' ? status.nextTryTime : undefined;
  return {
    ...message,
    reason: reason.slice(0, MAX_REASON_LENGTH).toWellFormed(),
    ...(next === undefined ? {} : { nextTryTime: toTimestamp(next) }),
  };
}

/** Returns the message for a reader: files without their folders. Addresses and tables stay as they are. */
export function withoutFolders(message: Export): Export {
  return {
    ...message,
    location: withoutPaths(message.location),
    reason: withoutPaths(message.reason),
  };
}

/** Paths begin a word. What follows a scheme (`s3://bucket/key`) is none. */
const FOLDERS = /(?<![^\s'"(=,:])(?<!\w:)(?:[a-z]:)?[\\/](?:[^\s'"/\\]+[\\/])*(?=[^\s'"/\\])/gi;

function withoutPaths(text: string): string {
  return text.replaceAll(FOLDERS, '');
}
