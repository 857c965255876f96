/**
 * Gives the test run a Spanner emulator: the one at SPANNER_EMULATOR_HOST, or one of its own. If neither
 * is available, tests on Spanner are skipped with a message; if CI is set, that is a failure.
 */
import type { TestProject } from 'vitest/node';
import { startSpannerEmulator } from './support/spanner/spanner-emulator.ts';

export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const { DATABASES, CI } = process.env;
  project.provide('spannerEmulatorHost', '');
  if (DATABASES && !DATABASES.includes('spanner')) return undefined;
  try {
    const emulator = await startSpannerEmulator();
    if (!emulator) throw new Error('no SPANNER_EMULATOR_HOST, and no emulator beside gcloud');
    project.provide('spannerEmulatorHost', emulator.host);
    return () => emulator.stop();
  } catch (error) {
    if (CI) throw error;
    console.error('\n!! The Spanner emulator cannot start here: its tests are SKIPPED.\n', error);
    return undefined;
  }
}
