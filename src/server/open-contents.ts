/** Opens the places for the contents of artifacts, as far as that is needed before the first of them. */
import { type Clock, CodedError, installCommand, isInstalled } from '@postlude/queue/foundations';
import type { Contents } from '../artifacts/contents.ts';
import { PlannedContents } from '../exporter/contents/planned-contents.ts';
import { SINK_KINDS } from '../exporter/sinks/kinds.ts';
import type { Config } from './config/config.ts';

/** Throws `failed-precondition` if a package is missing that the configured sink needs. */
export function openContents(
  {
    artifactDir: folder,
    artifactSink: sink,
    exportPlan: { sinks },
  }: Pick<Config, 'artifactDir' | 'artifactSink' | 'exportPlan'>,
  clock: Clock,
): Contents {
  const kind = sinks.get(sink ?? '')?.kind ?? '';
  for (const needed of SINK_KINDS.get(kind)?.contents?.packages ?? []) {
    if (isInstalled(needed.name, import.meta.url)) continue;
    throw new CodedError(
      'failed-precondition',
      `the sink ${sink} needs the package ${needed.name}, which is not installed: ${installCommand(needed)}`,
    );
  }
  return new PlannedContents({ folder, sink, sinks, clock });
}
