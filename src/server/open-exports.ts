/** Opens what exports are written to, as far as that is needed before the first export. */
import { join } from 'node:path';
import {
  CodedError,
  installCommand,
  isInstalled,
  type Log,
  type OptionalPackage,
} from '@postlude/queue/foundations';
import { DUCKDB } from '../exporter/parquet/duckdb.ts';
import { usedSinks } from '../exporter/sinks/export-plan.ts';
import { SINK_KINDS } from '../exporter/sinks/kinds.ts';
import type { SinkParts } from '../exporter/sinks/sink-kind.ts';
import { SinkRouter } from '../exporter/sinks/sink-router.ts';
import type { Config } from './config/config.ts';

/**
 * Throws `failed-precondition` if a package is missing that a configured sink needs. If only DuckDB is
 * missing, exports to files wait for it, as everything else works without it.
 */
export function openExports(
  { exportPlan, exportDir }: Pick<Config, 'exportPlan' | 'exportDir'>,
  parts: Omit<SinkParts, 'scratch'>,
  hasPackage = (name: string): boolean => isInstalled(name, import.meta.url),
): SinkRouter {
  const needed = usedSinks(exportPlan).flatMap(([sink, { kind }]) =>
    (SINK_KINDS.get(kind)?.packages ?? []).map((each) => ({ sink, ...each })),
  );
  const missing = needed.filter(({ name }) => !hasPackage(name));
  const other = missing.find(({ name }) => name !== DUCKDB.name);
  if (other) throw missingPackage(other.sink, other);
  if (missing.length > 0) warnOfMissingDuckDb(parts.log);
  return new SinkRouter(exportPlan, { ...parts, scratch: join(exportDir, '.scratch') });
}

/** Without the warning, the missing package would show only when an export waits for it. */
function warnOfMissingDuckDb(log: Log): void {
  const install = installCommand(DUCKDB);
  log.warn(`${DUCKDB.for} needs a package that is missing: exports wait until it is installed`, {
    install,
  });
}

function missingPackage(sink: string, needed: OptionalPackage): CodedError {
  return new CodedError(
    'failed-precondition',
    `the sink ${sink} needs the package ${needed.name}, which is not installed: ${installCommand(needed)}`,
  );
}
