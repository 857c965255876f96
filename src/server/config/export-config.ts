/** Which sink each export goes to, from the settings of exports. */
import { type ExportPlan, planExports } from '../../exporter/sinks/export-plan.ts';
import type { Settings } from './settings.ts';
import type { WrittenSettings } from './written-settings.ts';

export function exportConfig(settings: Settings, written: WrittenSettings): ExportPlan {
  const { sinks, exports, defaultSink, exportDir } = settings;
  // A setting with an invalid value has been reported already.
  const folder = written.get('sinks')?.folder ?? '';
  return planExports({ sinks, exports, defaultSink, exportDir, folder }, (setting, problem) =>
    written.report([setting], problem),
  );
}
