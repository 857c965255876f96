/**
 * The configuration of a server: flags before environment before file before defaults, checked as a
 * whole. All problems come at once, each with where it stands, so that nobody mends them one by
 * one. Nothing behind this file reads the environment or a configuration file.
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { CodedError, toError } from '../errors.ts';
import type { RealmGrants } from '../rpc/permissions.ts';
import { parseConfigFile } from './config-file.ts';
import {
  type ConfigInput,
  collectSettings,
  type Written,
  type WrittenSettings,
} from './config-sources.ts';
import { DEFAULT_IDENTITY, type OidcIssuer } from './oidc-issuers.ts';
import { realmGrants } from './realm-grants.ts';
import { type DatabaseLocation, isLoopback, type ListenAddress } from './setting-values.ts';
import {
  environmentName,
  flagName,
  SETTING_NAMES,
  SETTINGS,
  type Setting,
  type SettingName,
  type Settings,
} from './settings.ts';

/** Who may call: anybody on this machine, or those with a token and a grant. */
export type AuthConfig =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'oidc';
      readonly issuers: readonly OidcIssuer[];
      readonly grants: RealmGrants;
    };

export interface Config {
  readonly listen: ListenAddress;
  readonly maxRequestBytes: number;
  readonly requestTimeoutMs: number;
  readonly maxConnections: number;
  readonly database: DatabaseLocation;
  readonly schema: string;
  readonly databaseConnections: number;
  readonly autoMigrate: boolean;
  readonly exportDir: string;
  readonly auth: AuthConfig;
  /** The first signs update tokens, all are accepted; empty: one is kept in the database. */
  readonly tokenSecrets: readonly string[];
  readonly workers: number;
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly rescueEveryMs: number;
  readonly shutdownGraceMs: number;
  readonly shutdownDelayMs: number;
  readonly logLevel: Settings['logLevel'];
  /** Send traces over OTLP, as OpenTelemetry's own variables say. */
  readonly sendsTraces: boolean;
}

const MIN_SECRET_LENGTH = 16;

/** Throws `invalid-argument` with a list of all problems, one a line. */
export async function loadConfig(input: ConfigInput): Promise<Config> {
  const problems: string[] = [];
  const written = await collectSettings(input, problems);
  const settings = parseSettings(written, input.cwd, problems);
  const config = await toConfig(settings, written, problems);
  if (problems.length === 0) return { ...config, sendsTraces: sendsTraces(input.env) };
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
      // A flag or variable names its setting; a line of a file does not.
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

/** Checks what must fit together. */
async function toConfig(
  settings: Settings,
  written: WrittenSettings,
  problems: string[],
): Promise<Omit<Config, 'sendsTraces'>> {
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
    autoMigrate: settings.autoMigrate ?? auth.kind === 'none',
    exportDir: settings.exportDir,
    auth,
    tokenSecrets: await tokenSecrets(settings, written, problems),
    workers: settings.workers,
    leaseMs: settings.lease,
    pollMs: settings.poll,
    rescueEveryMs: settings.rescueEvery,
    shutdownGraceMs: settings.shutdownGrace,
    shutdownDelayMs: settings.shutdownDelay,
    logLevel: settings.logLevel,
  };
}

async function authConfig(
  settings: Settings,
  written: WrittenSettings,
  problems: string[],
): Promise<AuthConfig> {
  const issuers = allIssuers(settings, written, problems);
  const grants = await allGrants(settings, written, problems);
  if (issuers.length === 0) {
    const source = (written.get('realms') ?? written.get('realmsFile'))?.source;
    if (source && !isAnyWritten(written, ['oidc', 'oidcIssuer'])) {
      problems.push(
        `${source}: realms need callers that are authenticated: set oidcIssuer or oidc`,
      );
    }
    return { kind: 'none' };
  }
  if (!isAnyWritten(written, ['realms', 'realmsFile'])) {
    const source = (written.get('oidc') ?? written.get('oidcIssuer'))?.source;
    problems.push(`${source}: without realms nobody may do anything: set realms or realmsFile`);
  }
  return { kind: 'oidc', issuers, grants };
}

function allIssuers(
  settings: Settings,
  written: WrittenSettings,
  problems: string[],
): readonly OidcIssuer[] {
  const { oidc = [], oidcIssuer: issuer, oidcAudiences: audiences } = settings;
  const one = written.get('oidcIssuer');
  const other = written.get('oidcAudiences');
  if (one && !other) problems.push(`${one.source}: needs oidcAudiences, too`);
  if (other && !one) problems.push(`${other.source}: needs oidcIssuer, too`);
  if (issuer === undefined || audiences === undefined) return oidc;
  if (oidc.some((entry) => entry.issuer === issuer)) {
    problems.push(`${one?.source}: oidc has the issuer ${issuer}, too`);
  }
  return [...oidc, { issuer, audiences, identity: DEFAULT_IDENTITY }];
}

async function allGrants(
  settings: Settings,
  written: WrittenSettings,
  problems: string[],
): Promise<RealmGrants> {
  const { realms, realmsFile } = settings;
  const source = written.get('realmsFile')?.source;
  if (realms && realmsFile) problems.push(`${source}: realms are given twice, as realms, too`);
  if (realmsFile === undefined) return realms ?? {};
  const file = await readText(realmsFile, source, problems);
  if (file === undefined) return {};
  const parsed = parseConfigFile(file, basename(realmsFile));
  if ('problems' in parsed) {
    problems.push(...parsed.problems);
    return {};
  }
  const entries = parsed.entries.flatMap((entry) => {
    try {
      return Object.entries(realmGrants({ [entry.key]: entry.value }));
    } catch (error) {
      problems.push(`${entry.source}: ${toError(error).message}`);
      return [];
    }
  });
  return Object.fromEntries(entries);
}

async function tokenSecrets(
  settings: Settings,
  written: WrittenSettings,
  problems: string[],
): Promise<readonly string[]> {
  const { tokenSecrets: inline = [], tokenSecretsFile: file } = settings;
  const fileSource = written.get('tokenSecretsFile')?.source;
  if (file && inline.length > 0) {
    problems.push(`${fileSource}: secrets are given twice, as tokenSecrets, too`);
  }
  const text = file === undefined ? undefined : await readText(file, fileSource, problems);
  const lines = (text ?? '').split(/\r?\n/).map((line) => line.trim());
  const secrets = [...inline, ...lines.filter((line) => line !== '')];
  const source = written.get('tokenSecrets')?.source ?? fileSource;
  if (text !== undefined && secrets.length === 0) problems.push(`${source}: holds no secret`);
  if (secrets.some((secret) => secret.length < MIN_SECRET_LENGTH)) {
    problems.push(`${source}: has a secret shorter than ${MIN_SECRET_LENGTH} characters`);
  }
  return secrets;
}

async function readText(
  file: string,
  source: string | undefined,
  problems: string[],
): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    problems.push(`${source}: cannot be read: ${toError(error).message}`);
    return undefined;
  }
}

/** OpenTelemetry's exporter reads its variables by itself; this only asks whether it is wanted. */
function sendsTraces(env: ConfigInput['env']): boolean {
  if (env.OTEL_SDK_DISABLED === 'true' || env.OTEL_TRACES_EXPORTER === 'none') return false;
  return Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
}

function isAnyWritten(written: WrittenSettings, names: readonly SettingName[]): boolean {
  return names.some((name) => written.has(name));
}
