/** Reads a text with one format's reader, for tests, and returns all that it yields, in order. */
import type { Execution } from '../../../src/ingest/execution.ts';
import type { ReportFormat } from '../../../src/ingest/report.ts';

export interface FormatReading {
  readonly dialect: string;
  readonly executions: readonly Execution[];
  /** `suite > name: outcome`, with `(n)` after the outcome of rounds above 1. */
  readonly outcomes: readonly string[];
  /** The outcomes of failures that are not of a test. */
  readonly others: readonly string[];
  readonly unnamedSkips: number;
  /** `line: message` */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

/** Throws what the reader throws. `chunkSize` is in characters; every size must give the same result. */
export function readFormat(format: ReportFormat, text: string, chunkSize = 65_536): FormatReading {
  const executions: Execution[] = [];
  const errors: string[] = [];
  const warnings: string[] = [];
  let unnamedSkips = 0;
  const reader = format.open(
    {
      execution: (execution) => executions.push(execution),
      unnamedSkips: (count) => {
        unnamedSkips += count;
      },
      error: (line, message) => errors.push(`${line}: ${message}`),
      warning: (line, message) => warnings.push(`${line}: ${message}`),
    },
    text.slice(0, chunkSize),
  );
  for (let at = 0; at < text.length; at += chunkSize) reader.push(text.slice(at, at + chunkSize));
  reader.end();
  return {
    dialect: reader.dialect,
    executions,
    outcomes: executions.filter(({ isTest }) => isTest).map(outcomeOf),
    others: executions.filter(({ isTest }) => !isTest).map(outcomeOf),
    unnamedSkips,
    errors,
    warnings,
  };
}

function outcomeOf({ suite, name, outcome, round }: Execution): string {
  const place = [...suite, name].join(' > ');
  return round === 1 ? `${place}: ${outcome}` : `${place}: ${outcome} (${round})`;
}
