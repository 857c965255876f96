/**
 * The configuration of a server. Flags override the environment, which overrides the file, which
 * overrides defaults. The whole is checked, and all problems are reported at once, each with its source.
 * No other part of the server reads the environment or a configuration file.
 */
import { CodedError, toError } from '../../errors.ts';
import { isLoopback } from '../../loopback.ts';
import { type AuthConfig, authConfig, tokenSecrets } from './caller-config.ts';
import {
  type ConfigInput,
  collectSettings,
  type Written,
  type WrittenSettings,
} from './config-sources.ts';
import { type PushTaskConfig, pushTaskConfig } from './push-task-config.ts';
import type { DatabaseLocation, ListenAddress } from './setting-values.ts';
import {
  environmentName,
  flagName,
  SETTING_NAMES,
  SETTINGS,
  type Setting,
  type SettingName,
  type Settings,
} from './settings.ts';

export interface Config {
  readonly listen: ListenAddress;
  readonly maxRequestBytes: number;
  readonly requestTimeoutMs: number;
  readonly maxConnections: number;
  readonly database: DatabaseLocation;
  readonly schema: string;
  readonly databaseConnections: number;
  readonly statementTimeoutMs: number;
  readonly autoMigrate: boolean;
  readonly exportDir: string;
  readonly auth: AuthConfig;
  /** The first secret signs update tokens; all are accepted. If empty, the database keeps one. */
  readonly tokenSecrets: readonly string[];
  readonly workers: number;
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly rescueEveryMs: number;
  readonly enforceEveryMs: number;
  readonly pushTasks: PushTaskConfig;
  /** Names of experiments to enable. */
  readonly experiments: readonly string[];
  readonly shutdownGraceMs: number;
  readonly shutdownDelayMs: number;
  readonly logLevel: Settings['logLevel'];
  /** Whether to send traces over OTLP, according to OpenTelemetry's own variables. */
  readonly sendsTraces: boolean;
  /** `host:port` of Cloud Spanner's emulator, from the emulator's own variable. */
  readonly spannerEmulatorHost: string | undefined;
}

/** Throws `invalid-argument` with a list of all problems, one per line. */
export async function loadConfig(input: ConfigInput): Promise<Config> {
  const problems: string[] = [];
  const written = await collectSettings(input, problems);
  const settings = parseSettings(written, input.cwd, problems);
  const config = await toConfig(settings, written, problems);
  if (problems.length === 0) {
    const spannerEmulatorHost = input.env.SPANNER_EMULATOR_HOST || undefined;
    return { ...config, sendsTraces: sendsTraces(input.env), spannerEmulatorHost };
  }
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  const list = problems.map((problem) => `  ${problem}`).join('\n');
  throw new CodedError('invalid-argument', `the configuration has ${count}:\n${list}`);
}

function parseSettings(written: WrittenSettings, cwd: string, problems: string[]): Settings {
  const values = SETTING_NAMES.map((name) => {
    const given = written.get(name);
    if (!given) return [name, defaultOf(name, cwd)];
    try {
      return [name, parseValue(name, given)];
    } catch (error) {
      // A flag or a variable names its setting; the line number of a file does not.
      const isNamed =
        given.source === `--${flagName(name)}` || given.source === environmentName(name);
      problems.push(`${given.source}: ${isNamed ? '' : `${name} `}${toError(error).message}`);
      return [name, defaultOf(name, cwd)];
    }
  });
  return Object.fromEntries(values) as Settings;
}

function parseValue(name: SettingName, { value, folder }: Written): unknown {
  const setting: Setting<unknown> = SETTINGS[name];
  if (typeof value === 'object' && value !== null && setting.parseStructure) {
    return setting.parseStructure(value);
  }
  if (value === null || value === undefined) throw new Error('has no value');
  if (typeof value === 'object') throw new Error('must be one text or number');
  return setting.parse(String(value), folder);
}

function defaultOf(name: SettingName, cwd: string): unknown {
  const setting: Setting<unknown> = SETTINGS[name];
  return setting.default === undefined ? undefined : setting.parse(setting.default, cwd);
}

/** Checks settings against each other. */
async function toConfig(
  settings: Settings,
  written: WrittenSettings,
  problems: string[],
): Promise<Omit<Config, 'sendsTraces' | 'spannerEmulatorHost'>> {
  const auth = await authConfig(settings, written, problems);
  const { host, port } = settings.listen;
  if (auth.kind === 'none' && !isLoopback(host)) {
    const source = written.get('listen')?.source ?? 'listen';
    problems.push(
      `${source}: ${host} can be reached from other machines, and callers are not authenticated: set oidcIssuer, oidcAudiences and realms, or listen on 127.0.0.1:${port}`,
    );
  }
  return {
    listen: settings.listen,
    maxRequestBytes: settings.maxRequestBytes,
    requestTimeoutMs: settings.requestTimeout,
    maxConnections: settings.maxConnections,
    database: settings.database,
    schema: settings.schema,
    databaseConnections: settings.databaseConnections,
    statementTimeoutMs: settings.statementTimeout,
    autoMigrate: settings.autoMigrate ?? auth.kind === 'none',
    exportDir: settings.exportDir,
    auth,
    tokenSecrets: await tokenSecrets(settings, written, problems),
    workers: settings.workers,
    leaseMs: settings.lease,
    pollMs: settings.poll,
    rescueEveryMs: settings.rescueEvery,
    enforceEveryMs: settings.enforceEvery,
    pushTasks: pushTaskConfig(settings, written, problems),
    experiments: settings.enableExperiment ?? [],
    shutdownGraceMs: settings.shutdownGrace,
    shutdownDelayMs: settings.shutdownDelay,
    logLevel: settings.logLevel,
  };
}

/** OpenTelemetry's exporter reads its variables by itself. This only decides whether to use it. */
function sendsTraces(env: ConfigInput['env']): boolean {
  if (env.OTEL_SDK_DISABLED === 'true' || env.OTEL_TRACES_EXPORTER === 'none') return false;
  return Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
}
