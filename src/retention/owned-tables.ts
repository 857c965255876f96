/**
 * The tables whose rows belong to one invocation and are deleted with it. Their keys begin with the
 * invocation's row id. A feature that keeps rows for an invocation adds its table here. Artifacts are
 * deleted with it as well, but have contents elsewhere: see `deleteArtifacts`.
 */

import type { AnyTable } from '@postlude/queue/storage';
import { exportRequests } from '../exporter/export-requests.ts';
import { exportProgress } from '../exporter/progress.ts';
import { rejectedRows } from '../exporter/rejected-rows.ts';
import { exportSinks } from '../exporter/sinks/recorded-sinks.ts';
import { includedInvocations } from '../invocations/inclusions.ts';
import { exonerations } from '../results/exonerations.ts';
import { testResults } from '../results/test-results.ts';

export const OWNED_TABLES: readonly AnyTable[] = [
  testResults,
  exonerations,
  includedInvocations,
  exportRequests,
  exportProgress,
  rejectedRows,
  exportSinks,
];
