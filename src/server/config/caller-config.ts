/**
 * The configuration of callers, from the settings and the files that they name: issuers, realms, and
 * secrets of update tokens. Contradictions between settings are reported to `written`.
 */
import { isLoopback, toError } from '@postlude/queue/foundations';
import type { RealmGrants } from '../../services/shared/permissions.ts';
import { readConfigFile, readText } from './config-file.ts';
import { DEFAULT_IDENTITY, type OidcIssuer } from './oidc-issuers.ts';
import { realmGrants } from './realm-grants.ts';
import type { Settings } from './settings.ts';
import type { WrittenSettings } from './written-settings.ts';

/** Either anyone on this machine may call, or callers need a token and a grant. */
export type AuthConfig =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'oidc';
      readonly issuers: readonly OidcIssuer[];
      readonly grants: RealmGrants;
    };

const MIN_SECRET_LENGTH = 16;

export async function authConfig(
  settings: Settings,
  written: WrittenSettings,
): Promise<AuthConfig> {
  const issuers = allIssuers(settings, written);
  const grants = await allGrants(settings, written);
  const hasRealms = written.hasAny('realms', 'realmsFile');
  if (issuers.length > 0) {
    if (!hasRealms) {
      const problem = 'without realms nobody may do anything: set realms or realmsFile';
      written.report(['oidc', 'oidcIssuer'], problem);
    }
    return { kind: 'oidc', issuers, grants };
  }
  if (hasRealms && !written.hasAny('oidc', 'oidcIssuer')) {
    const problem = 'realms need authenticated callers: set oidcIssuer or oidc';
    written.report(['realms', 'realmsFile'], problem);
  }
  const { host, port } = settings.listen;
  if (!isLoopback(host)) {
    const problem = `${host} can be reached from other machines, and callers are not authenticated: set oidcIssuer, oidcAudiences and realms, or listen on 127.0.0.1:${port}`;
    written.report(['listen'], problem);
  }
  if (settings.prpcOrigins?.includes('*')) {
    const problem =
      'every page could do everything, as callers are not authenticated: name origins';
    written.report(['prpcOrigins'], problem);
  }
  return { kind: 'none' };
}

function allIssuers(settings: Settings, written: WrittenSettings): readonly OidcIssuer[] {
  const { oidc = [], oidcIssuer: issuer, oidcAudiences: audiences } = settings;
  if (written.has('oidcIssuer') !== written.has('oidcAudiences')) {
    const other = written.has('oidcIssuer') ? 'oidcAudiences' : 'oidcIssuer';
    written.report(['oidcIssuer', 'oidcAudiences'], `needs ${other} as well`);
  }
  if (issuer === undefined || audiences === undefined) return oidc;
  if (oidc.some((entry) => entry.issuer === issuer)) {
    written.report(['oidcIssuer'], `oidc has the issuer ${issuer} as well`);
  }
  return [...oidc, { issuer, audiences, identity: DEFAULT_IDENTITY }];
}

async function allGrants(settings: Settings, written: WrittenSettings): Promise<RealmGrants> {
  const { realms = {}, realmsFile: file } = settings;
  if (file === undefined) return realms;
  if (settings.realms)
    written.report(['realmsFile'], 'the realms are given twice: realms is set as well');
  const { entries } = await readConfigFile(file, written.sourceOf('realmsFile'), written.problems);
  const grants = entries.map(({ key, value, source }) => {
    try {
      return realmGrants({ [key]: value });
    } catch (error) {
      written.problems.push(`${source}: ${toError(error).message}`);
      return {};
    }
  });
  return Object.assign({}, ...grants);
}

/** The first secret signs; tokens of all of them are accepted. */
export async function tokenSecrets(
  settings: Settings,
  written: WrittenSettings,
): Promise<readonly string[]> {
  const { tokenSecrets: inline = [], tokenSecretsFile: file } = settings;
  if (file && inline.length > 0) {
    written.report(
      ['tokenSecretsFile'],
      'the secrets are given twice: tokenSecrets is set as well',
    );
  }
  const source = written.sourceOf('tokenSecretsFile');
  const read = file ? await readText(file, source, written.problems) : undefined;
  if (read?.exposure) written.report(['tokenSecretsFile'], read.exposure);
  const lines = (read?.text ?? '').split(/\r?\n/).map((line) => line.trim());
  const secrets = [...inline, ...lines.filter((line) => line !== '')];
  const names = ['tokenSecrets', 'tokenSecretsFile'] as const;
  if (read !== undefined && secrets.length === 0) written.report(names, 'contains no secret');
  if (secrets.some((secret) => secret.length < MIN_SECRET_LENGTH)) {
    written.report(names, `has a secret shorter than ${MIN_SECRET_LENGTH} characters`);
  }
  return secrets;
}
