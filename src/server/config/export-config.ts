/** Which sink each export goes to, from the settings of exports. */
import { type ExportPlan, planExports } from '../../exporter/sinks/export-plan.ts';
import { SINK_KINDS } from '../../exporter/sinks/kinds.ts';
import type { Settings } from './settings.ts';
import type { WrittenSettings } from './written-settings.ts';

export function exportConfig(settings: Settings, written: WrittenSettings): ExportPlan {
  const { sinks, exports, defaultSink, exportDir } = settings;
  // A setting with an invalid value has been reported already.
  const folder = written.get('sinks')?.folder ?? '';
  const plan = planExports({ sinks, exports, defaultSink, exportDir, folder }, (setting, problem) =>
    written.report([setting], problem),
  );
  requireArtifactSink(settings, plan, written);
  return plan;
}

/** A sink with a mistake of its own is not in the plan, and has been reported already. */
function requireArtifactSink(
  { artifactSink, sinks }: Settings,
  plan: ExportPlan,
  written: WrittenSettings,
): void {
  if (artifactSink === undefined) return;
  const planned = plan.sinks.get(artifactSink);
  if (planned && SINK_KINDS.get(planned.kind)?.contents) return;
  if (!planned && Object.hasOwn(Object(sinks), artifactSink)) return;
  const fitting = [...SINK_KINDS].filter(([, { contents }]) => contents).map(([kind]) => kind);
  written.report(
    ['artifactSink'],
    `artifactSink: ${JSON.stringify(artifactSink)} is not a sink of the kind ${fitting.join(' or ')}: define one in sinks`,
  );
}
