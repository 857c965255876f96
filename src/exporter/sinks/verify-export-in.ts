/** Verifies exports in any sink that writes Parquet. */

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CodedError, systemClock } from '@postlude/queue/foundations';
import type { ExportName } from '../parquet/export-files.ts';
import type { Verification } from '../parquet/manifest.ts';
import { detachedParts } from './detached-parts.ts';
import { planExports } from './export-plan.ts';
import { SinkRouter } from './sink-router.ts';

/** A sink as the configuration file describes it: `{ kind: 's3', bucket: 'acme-results' }`. */
export interface SinkDescription {
  readonly kind: string;
  readonly [option: string]: unknown;
}

/**
 * Reads the whole file of an export, wherever the sink keeps it, and compares it with its manifest. Throws
 * `invalid-argument` if the description is wrong, and `failed-precondition` if the sink writes no files.
 */
export async function verifyExportIn(
  sink: SinkDescription,
  name: ExportName,
): Promise<Verification> {
  const settings = { sinks: { sink }, exports: undefined, defaultSink: 'sink' };
  const plan = planExports({ ...settings, exportDir: '.', folder: '.' }, (_setting, problem) => {
    throw new CodedError('invalid-argument', problem);
  });
  const scratch = join(tmpdir(), 'postlude-scratch');
  const router = new SinkRouter(plan, detachedParts(systemClock, scratch));
  try {
    const opened = await router.sink('sink');
    if (opened.verify) return await opened.verify(name);
    throw new CodedError('failed-precondition', `a sink of kind ${sink.kind} writes no files`);
  } finally {
    await router.close();
  }
}
