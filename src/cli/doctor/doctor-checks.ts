/** The checks of `postlude doctor`. Each returns what it has found, and never throws. */
import { loadOptional, toError } from '@postlude/queue/foundations';
import type { Config } from '../../server/config/config.ts';
import { isEmbedded } from '../../server/config/setting-values.ts';
import type { CliContext } from '../context.ts';
import { checkDatabase, MAX_CLOCK_SKEW_MS } from './doctor-database.ts';
import { checkQueues } from './doctor-queues.ts';
import { checkSinks } from './doctor-sinks.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

export interface DoctorParts {
  readonly context: CliContext;
  /** If `undefined`, no server is checked. */
  readonly serverUrl: string | undefined;
  /** Throws if the configuration is wrong. */
  readonly config: () => Promise<Config>;
  /** If `undefined`, only a database on a server is opened, as an embedded one may be in use. */
  readonly opensDatabase: boolean | undefined;
  /** Whether something may be written to the sinks of exports, and removed. */
  readonly checksSinks: boolean;
}

const PACKAGES = [
  { name: '@electric-sql/pglite', for: 'the embedded database' },
  { name: 'pg', for: 'PostgreSQL' },
  { name: '@google-cloud/spanner', for: 'Cloud Spanner' },
  { name: '@duckdb/node-api', for: 'exports to Parquet' },
  { name: '@google-cloud/tasks', for: 'Cloud Tasks' },
] as const;

export async function runChecks(parts: DoctorParts): Promise<Finding[]> {
  const findings = [ok('node', `Node.js ${process.versions.node}`), ...(await checkPackages())];
  findings.push(...(await checkConfig(parts)));
  if (parts.serverUrl !== undefined) {
    findings.push(...(await checkServer(parts.serverUrl, parts.context)));
  }
  return findings;
}

async function checkConfig({ config: load, context, opensDatabase, checksSinks }: DoctorParts) {
  const config = await load().catch((error: unknown) => toError(error));
  if (config instanceof Error) return [problem('config', config.message)];
  const opens = opensDatabase ?? !isEmbedded(config.database);
  // These run in parallel, as each may wait ten seconds for a server that does not respond.
  const found = await Promise.all([
    opens ? checkDatabase(config, context.clock) : [],
    checkQueues(config, context),
    checksSinks ? checkSinks(config, context) : [],
  ]);
  return [ok('config', describeConfig(config)), ...found.flat()];
}

async function checkPackages(): Promise<Finding[]> {
  return await Promise.all(
    PACKAGES.map(async ({ name, for: purpose }): Promise<Finding> => {
      try {
        await loadOptional({ name, for: purpose }, () => import(name));
        return ok('packages', `${name}, for ${purpose}`);
      } catch (error) {
        return warning('packages', toError(error).message);
      }
    }),
  );
}

function describeConfig({ listen, database, auth }: Config): string {
  const callers =
    auth.kind === 'none' ? 'callers on this machine only' : 'callers with OIDC tokens';
  return `database ${database.kind}, listens on ${listen.host}:${listen.port}, ${callers}`;
}

async function checkServer(url: string, { clock }: CliContext): Promise<Finding[]> {
  try {
    const response = await fetch(`${url}/readyz`);
    const answer = (await response.text()).trim();
    const isReady = response.ok;
    const said = isReady ? `${url} is ready` : `${url} is not ready: ${answer}`;
    return [
      isReady ? ok('server', said) : problem('server', said),
      checkClock(response.headers.get('date'), clock.now()),
    ];
  } catch (error) {
    const { cause, message } = toError(error);
    const reason = cause instanceof Error ? cause.message || String(cause) : message;
    const hint = 'start it with "postlude serve", or name another with --server';
    return [problem('server', `${url}: ${reason}; ${hint}`)];
  }
}

export function checkClock(serverDate: string | null, now: number): Finding {
  const skewMs = serverDate === null ? 0 : Math.abs(Date.parse(serverDate) - now);
  if (skewMs <= MAX_CLOCK_SKEW_MS) return ok('clock', 'in step with the server');
  const seconds = Math.round(skewMs / 1000);
  return warning('clock', `${seconds} s off the server's: set this machine's clock`);
}
