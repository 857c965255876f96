/**
 * The configuration of a server. Flags override the environment, which overrides the file, which
 * overrides defaults. The whole is checked, and all problems are reported at once, each with its source.
 * No other part of the server reads the environment or a configuration file.
 */
import { CodedError, toError } from '@postlude/queue/foundations';
import type { ExportPlan } from '../../exporter/sinks/export-plan.ts';
import type { OtlpMetricsOptions } from '../telemetry/otlp-metrics.ts';
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
  /** Given if metrics are sent over OTLP, according to the same variables. */
  readonly otlpMetrics: OtlpMetricsOptions | undefined;
  /** `host:port` of Cloud Spanner's emulator, from the emulator's own variable. */
  readonly spannerEmulatorHost: string | undefined;
}

/** More are rarely looked at before the first ones are mended. */
const MAX_PROBLEMS = 100;

/** Throws `invalid-argument` with a list of the problems, one per line. */
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
    sendsTraces: sendsOtlp(input.env, 'TRACES'),
    otlpMetrics: otlpMetrics(input.env, written),
    spannerEmulatorHost: input.env.SPANNER_EMULATOR_HOST || undefined,
  };
  const { problems } = written;
  if (problems.length === 0) return config;
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  const told = problems.slice(0, MAX_PROBLEMS);
  if (problems.length > told.length) told.push(`and ${problems.length - told.length} more`);
  const list = told.map((problem) => `  ${problem}`).join('\n');
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

/** OpenTelemetry's exporters read their variables by themselves. This only decides whether to use them. */
function sendsOtlp(env: ConfigInput['env'], signal: 'TRACES' | 'METRICS'): boolean {
  if (env.OTEL_SDK_DISABLED === 'true' || env[`OTEL_${signal}_EXPORTER`] === 'none') return false;
  return Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT || env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`]);
}

const METRIC_INTERVAL = 'OTEL_METRIC_EXPORT_INTERVAL';
const DEFAULT_METRIC_INTERVAL_MS = 60_000;
const MAX_METRIC_INTERVAL_MS = 24 * 60 * 60 * 1000;

/** The exporter itself does not read the interval. */
function otlpMetrics(
  env: ConfigInput['env'],
  written: WrittenSettings,
): OtlpMetricsOptions | undefined {
  if (!sendsOtlp(env, 'METRICS')) return undefined;
  const intervalMs = Number(env[METRIC_INTERVAL] || DEFAULT_METRIC_INTERVAL_MS);
  if (Number.isInteger(intervalMs) && intervalMs >= 1 && intervalMs <= MAX_METRIC_INTERVAL_MS)
    return { intervalMs };
  written.problems.push(
    `${METRIC_INTERVAL}: ${env[METRIC_INTERVAL]} is not a number of milliseconds from 1 to a day`,
  );
  return undefined;
}
