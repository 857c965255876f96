/** All that is fuzzed. */
import { plantedTargets } from '../engine/planted-targets.ts';
import type { FuzzTarget } from '../engine/target.ts';
import { artifactTargets } from './artifacts.ts';
import { codecTargets } from './codecs.ts';
import { fileTargets } from './files.ts';
import { patternTargets } from './patterns.ts';
import { prpcTargets } from './prpc.ts';
import { readerTargets } from './readers.ts';
import { globTargets } from './report-globs.ts';
import { taskTargets } from './tasks.ts';
import { tokenTargets } from './tokens.ts';

export const TARGETS: readonly FuzzTarget[] = [
  ...readerTargets,
  ...codecTargets,
  ...prpcTargets,
  ...tokenTargets,
  ...taskTargets,
  ...patternTargets,
  ...fileTargets,
  ...globTargets,
  ...artifactTargets,
];

/** Finds a target, or one that is planted for tests of the engine. */
export function findTarget(name: string): FuzzTarget {
  const target = [...TARGETS, ...plantedTargets].find((each) => each.name === name);
  if (target === undefined) throw new Error(`there is no target ${name}`);
  return target;
}
