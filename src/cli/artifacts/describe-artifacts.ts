import { countOf } from '../terminal/count.ts';
import type { ArtifactSummary } from './upload-artifacts.ts';

/** Returns, for example, `; 3 artifacts`, and nothing if none were asked for. */
export function describeArtifacts(summary: ArtifactSummary | undefined): string {
  return summary === undefined ? '' : `; ${countOf(summary.files, 'artifact')}`;
}
