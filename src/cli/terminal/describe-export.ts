/** One export of an invocation, as values and as words. */
import { type Export, Export_State } from '../../gen/postlude/v1/exports_pb.js';
import { isoTime } from './describe.ts';

/** What is known of an export; `export` adds more. */
export function exportValue({ location, nextTryTime, reason, ...one }: Export) {
  return {
    destination: targetOf(one),
    state: Export_State[one.state],
    ...(location === ''
      ? {}
      : {
          location,
          rows: Number(one.rows),
          rejected: Number(one.rejected),
          sha256: one.sha256,
        }),
    ...(reason === '' ? {} : { reason }),
    ...(nextTryTime === undefined ? {} : { nextTryTime: isoTime(nextTryTime) }),
  };
}

export type ExportValue = ReturnType<typeof exportValue>;

export function describeExport(value: ExportValue): string {
  const { destination, location, nextTryTime, reason, rejected, rows, state } = value;
  const parts = [
    `${destination}: ${state}`,
    location && `${rows} rows in ${location}`,
    rejected ? `${rejected} rejected` : undefined,
    nextTryTime && `tried again at ${nextTryTime}`,
    reason,
  ];
  return parts.filter(Boolean).join('  ');
}

export function targetOf({ destination }: Pick<Export, 'destination'>): string {
  const { project = '', dataset = '', table = '' } = destination ?? {};
  return `${project}.${dataset}.${table}`;
}
