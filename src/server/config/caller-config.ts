/**
 * The configuration of callers, from the settings and the files that they name: issuers, realms, and
 * secrets of update tokens.
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { toError } from '../../errors.ts';
import type { RealmGrants } from '../../services/shared/permissions.ts';
import { parseConfigFile } from './config-file.ts';
import type { WrittenSettings } from './config-sources.ts';
import { DEFAULT_IDENTITY, type OidcIssuer } from './oidc-issuers.ts';
import { realmGrants } from './realm-grants.ts';
import type { SettingName, Settings } from './settings.ts';

/** Either anyone on this machine may call, or callers need a token and a grant. */
export type AuthConfig =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'oidc';
      readonly issuers: readonly OidcIssuer[];
      readonly grants: RealmGrants;
    };

const MIN_SECRET_LENGTH = 16;

/** Adds contradictions between settings to `problems`. */
export async function authConfig(
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

/** The first secret signs; tokens of all of them are accepted. */
export async function tokenSecrets(
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

function isAnyWritten(written: WrittenSettings, names: readonly SettingName[]): boolean {
  return names.some((name) => written.has(name));
}
