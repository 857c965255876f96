/**
 * Checks each sink that the configuration sends exports to: whether it can be reached and written to,
 * by writing something small and removing it, and its clock.
 */

import { join } from 'node:path';
import { toError } from '@postlude/queue/foundations';
import { detachedParts } from '../../exporter/sinks/detached-parts.ts';
import { usedSinks } from '../../exporter/sinks/export-plan.ts';
import { SinkRouter } from '../../exporter/sinks/sink-router.ts';
import type { Config } from '../../server/config/config.ts';
import type { CliContext } from '../context.ts';
import { MAX_CLOCK_SKEW_MS } from './doctor-database.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

type CheckedConfig = Pick<Config, 'exportPlan' | 'exportDir'>;

export async function checkSinks(
  { exportPlan, exportDir }: CheckedConfig,
  { clock, signal }: Pick<CliContext, 'clock' | 'signal'>,
): Promise<Finding[]> {
  // A server may have the database open, and a probe needs none.
  const parts = detachedParts(clock, join(exportDir, '.scratch'));
  const router = new SinkRouter(exportPlan, parts);
  try {
    const found = await Promise.all(
      usedSinks(exportPlan).map(([name]) => checkSink(router, name, signal)),
    );
    return found.flat();
  } finally {
    await router.close();
  }
}

async function checkSink(
  router: SinkRouter,
  name: string,
  signal: AbortSignal,
): Promise<Finding[]> {
  try {
    const sink = await router.sink(name);
    const { location, clockAheadMs, warning: partly } = await sink.probe(signal);
    return [
      ok('exports', `sink ${name}: can write to ${location}`),
      ...(partly === undefined ? [] : [warning('exports', `sink ${name}: ${partly}`)]),
      ...(clockAheadMs === undefined ? [] : [checkSinkClock(name, clockAheadMs)]),
    ];
  } catch (error) {
    return [problem('exports', `sink ${name}: ${toError(error).message}`)];
  }
}

/** Requests are signed with the time, so services refuse those of a clock that is far off. */
export function checkSinkClock(name: string, aheadMs: number): Finding {
  const seconds = Math.round(aheadMs / 1000);
  if (Math.abs(aheadMs) <= MAX_CLOCK_SKEW_MS) return ok('clock', `in step with sink ${name}`);
  const direction = seconds > 0 ? 'behind' : 'ahead of';
  const message = `${Math.abs(seconds)} s ${direction} the clock of sink ${name}: set this machine's clock`;
  return warning('clock', message);
}
