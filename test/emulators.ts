/**
 * Looks for the emulators that tests need. Where one is missing, its tests are skipped, loudly; with
 * CI set, that is a failure.
 */
import type { TestProject } from 'vitest/node';
import { CLOUD_TASKS_EMULATOR, isThere } from '../src/testing/emulators.ts';

export function setup(project: TestProject): void {
  const isCloudTasksThere = isThere(CLOUD_TASKS_EMULATOR);
  project.provide('hasCloudTasksEmulator', isCloudTasksThere);
  if (isCloudTasksThere) return;
  const message = 'the Cloud Tasks emulator is missing: npm run emulators';
  if (process.env.CI) throw new Error(message);
  console.error(`\n!! ${message}. Its tests are SKIPPED.\n`);
}
