/**
 * The configuration of a server. Flags override the environment, which overrides the file, which
 * overrides defaults. The whole is checked, and all problems are reported at once, each with its source.
 * No other part of the server reads the environment or a configuration file.
 */
import { CodedError, toError } from '@postlude/queue/foundations';
import type { ExportPlan } from '../../exporter/sinks/export-plan.ts';
import { type AuthConfig, authConfig, tokenSecrets } from './caller-config.ts';
import { exportConfig } from './export-config.ts';
import { type PushTaskConfig, pushTaskConfig } from './push-task-config.ts';
import { configKey, SETTING_NAMES, SETTINGS, type SettingName, type Settings } from './settings.ts';
import { type ConfigInput, collectSettings, type WrittenSettings } from './written-settings.ts';

/** The values of the settings, and what follows from several of them. */
export interface Config extends Omit<Settings, 'autoMigrate' | 'tokenSecrets'> {
  readonly autoMigrate: boolean;
  readonly auth: AuthConfig;
  /** The first secret signs update tokens; all are accepted. If empty, the database keeps one. */
  readonly tokenSecrets: readonly string[];
  /** Which sink each export goes to. */
  readonly exportPlan: ExportPlan;
  readonly pushTasks: PushTaskConfig;
  /** Names of experiments to enable. */
  readonly experiments: readonly string[];
  /** Whether to send traces over OTLP, according to OpenTelemetry's own variables. */
  readonly sendsTraces: boolean;
  /** `host:port` of Cloud Spanner's emulator, from the emulator's own variable. */
  readonly spannerEmulatorHost: string | undefined;
}

/** Throws `invalid-argument` with a list of all problems, one per line. */
export async function loadConfig(input: ConfigInput): Promise<Config> {
  const written = await collectSettings(input);
  const settings = parseSettings(written, input.cwd);
  const auth = await authConfig(settings, written);
  const config = {
    ...settings,
    auth,
    autoMigrate: settings.autoMigrate ?? auth.kind === 'none',
    tokenSecrets: await tokenSecrets(settings, written),
    exportPlan: exportConfig(settings, written),
    pushTasks: pushTaskConfig(settings, written),
    experiments: settings.enableExperiment ?? [],
    sendsTraces: sendsTraces(input.env),
    spannerEmulatorHost: input.env.SPANNER_EMULATOR_HOST || undefined,
  };
  const { problems } = written;
  if (problems.length === 0) return config;
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  const list = problems.map((problem) => `  ${problem}`).join('\n');
  throw new CodedError('invalid-argument', `the configuration has ${count}:\n${list}`);
}

/** Settings with a wrong value are reported, and get their defaults, so that the checks can go on. */
function parseSettings(written: WrittenSettings, cwd: string): Settings {
  const values = SETTING_NAMES.map((name) => [configKey(name), settingValue(name, written, cwd)]);
  return Object.fromEntries(values) as Settings;
}

function settingValue(name: SettingName, written: WrittenSettings, cwd: string): unknown {
  const { parse, traits } = SETTINGS[name];
  const given = written.get(name);
  try {
    if (given?.value === null) throw new Error('has no value');
    if (given) return parse(given.value, given.folder);
  } catch (error) {
    // A flag or a variable names its setting; the line number of a file does not.
    const subject = given?.isInFile ? `${name} ` : '';
    written.report([name], subject + toError(error).message);
  }
  return traits.default === undefined ? undefined : parse(traits.default, cwd);
}

/** OpenTelemetry's exporter reads its variables by itself. This only decides whether to use it. */
function sendsTraces(env: ConfigInput['env']): boolean {
  if (env.OTEL_SDK_DISABLED === 'true' || env.OTEL_TRACES_EXPORTER === 'none') return false;
  return Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
}
