/**
 * Decodes the events of `go test -json` (cmd/test2json): one JSON object a line. Decoding checks the types
 * of all fields that are read later, and ignores the rest.
 */

import { amountOf, type Fields, isFields, textOf } from './json-fields.ts';

export interface GoTestEvent {
  readonly action: string;
  readonly package: string;
  /** Empty for events of a whole package. */
  readonly test: string;
  /** Milliseconds since the Unix epoch; builds and cached runs may have none. */
  readonly timeMs: number | undefined;
  readonly elapsedMs: number | undefined;
  readonly output: string;
  readonly key: string;
  readonly value: string;
  /** In build events, the package that was built. */
  readonly importPath: string;
  /** In the failure of a package, the package that did not build and so made it fail. */
  readonly failedBuild: string;
}

/** Returns `undefined` if the line is not an event: compilers and tests write lines of their own. */
export function decodeGoTestEvent(line: string): GoTestEvent | undefined {
  if (!line.startsWith('{')) return undefined;
  const fields = parseObject(line);
  if (!fields || typeof fields.Action !== 'string') return undefined;
  const time = Date.parse(textOf(fields.Time));
  const elapsed = amountOf(fields.Elapsed);
  return {
    action: fields.Action,
    package: textOf(fields.Package),
    test: textOf(fields.Test),
    timeMs: Number.isNaN(time) ? undefined : time,
    elapsedMs: elapsed === undefined ? undefined : elapsed * 1000,
    output: textOf(fields.Output),
    key: textOf(fields.Key),
    value: textOf(fields.Value),
    importPath: textOf(fields.ImportPath),
    failedBuild: textOf(fields.FailedBuild),
  };
}

/** True if a line that does not decode was an event before it was damaged. */
export function looksLikeGoTestEvent(line: string): boolean {
  return /^\{"(Time|Action|ImportPath)":/.test(line);
}

function parseObject(line: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
