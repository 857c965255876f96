/**
 * The lines of a text, and what they say of themselves: many loggers begin a line with its time and its
 * severity. What is not understood is left out.
 */
import { create } from '@bufbuild/protobuf';
import {
  type ArtifactLine,
  ArtifactLineSchema,
  ArtifactLine_Severity as Severity,
} from '../../gen/luci/resultdb/v1/artifact_pb.js';
import { toTimestamp } from '../shared/timestamp.ts';

export interface LineLimits {
  readonly lines: number;
  /** The bytes of all lines together; a line that exceeds them is cut. */
  readonly bytes: number;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;
/** The number, the time, the severity, and the headers of the fields. */
const LINE_BYTES = 40;

/** Returns the first lines. No more of the content is read than they take. */
export async function readLines(
  content: AsyncIterable<Uint8Array>,
  { bytes, lines }: LineLimits,
): Promise<ArtifactLine[]> {
  const found: ArtifactLine[] = [];
  let left = bytes;
  for await (const line of splitLines(content, bytes)) {
    left -= LINE_BYTES + line.length;
    if (left < 0 && found.length > 0) break;
    found.push(toLine(found.length, line));
    if (found.length === lines || left < 0) break;
  }
  return found;
}

/** Yields lines without their ends. One that is longer than `maxBytes` is cut, and is the last one. */
async function* splitLines(
  content: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array, void, void> {
  let begun: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of content) {
    let at = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, at)) {
      const line = Buffer.concat([...begun, chunk.subarray(at, end)]);
      if (line.length > maxBytes) return yield line.subarray(0, maxBytes);
      yield withoutReturn(line);
      [begun, length, at] = [[], 0, end + 1];
    }
    begun.push(chunk.subarray(at));
    length += chunk.length - at;
    if (length > maxBytes) return yield Buffer.concat(begun).subarray(0, maxBytes);
  }
  if (length > 0) yield withoutReturn(Buffer.concat(begun));
}

function withoutReturn(line: Uint8Array): Uint8Array {
  return line.at(-1) === RETURN ? line.subarray(0, -1) : line;
}

/** Longer than any beginning of a line that is understood. */
const HEAD_BYTES = 200;

function toLine(number: number, content: Uint8Array): ArtifactLine {
  const head = Buffer.from(content.subarray(0, HEAD_BYTES)).toString('latin1');
  const time = timeOf(head);
  return create(ArtifactLineSchema, {
    number: BigInt(number),
    severity: severityOf(head),
    content,
    ...(time === undefined ? {} : { timestamp: toTimestamp(time) }),
  });
}

const ISO_TIME = /\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?(?!\d)/;

/** A time without an offset is taken for UTC. */
function timeOf(head: string): number | undefined {
  const [text] = ISO_TIME.exec(head) ?? [];
  if (text === undefined) return undefined;
  const iso = text.replace(' ', 'T').replace(',', '.');
  const time = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(iso) ? iso : `${iso}Z`);
  return Number.isNaN(time) ? undefined : time;
}

const WORDS: Readonly<Record<string, Severity>> = {
  VERBOSE: Severity.VERBOSE,
  TRACE: Severity.TRACE,
  DEBUG: Severity.DEBUG,
  INFO: Severity.INFO,
  NOTICE: Severity.NOTICE,
  WARN: Severity.WARNING,
  WARNING: Severity.WARNING,
  ERROR: Severity.ERROR,
  CRITICAL: Severity.CRITICAL,
  FATAL: Severity.FATAL,
  V: Severity.VERBOSE,
  D: Severity.DEBUG,
  I: Severity.INFO,
  W: Severity.WARNING,
  E: Severity.ERROR,
  F: Severity.FATAL,
};

/** In capitals, since a text may well say that something was no error. */
const WORD = /\b(?:VERBOSE|TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL)\b/;
/** glog: `E0102 15:04:05.678901`; logcat: `01-02 15:04:05.678  123  456 E`. */
const GLOG = /^([DEFIVW])\d{4} \d\d:\d\d:\d\d\b/;
const LOGCAT = /^\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} +\d+ +\d+ ([DEFIVW]) /;

function severityOf(head: string): Severity {
  const letter = GLOG.exec(head)?.[1] ?? LOGCAT.exec(head)?.[1];
  const word = letter ?? WORD.exec(head)?.[0] ?? '';
  return WORDS[word] ?? Severity.SEVERITY_UNSPECIFIED;
}
