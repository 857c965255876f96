/** What `postlude doctor` looks at. Each check answers what it found, and never throws. */
import { toError } from '../errors.ts';
import { silentLog } from '../log.ts';
import type { Config } from '../server/config.ts';
import type { CliContext } from './context.ts';

export type Check = 'node' | 'packages' | 'config' | 'server' | 'clock' | 'database';

export interface Finding {
  readonly check: Check;
  readonly level: 'ok' | 'warning' | 'problem';
  /** What was found, and what to do about it. */
  readonly message: string;
}

export interface DoctorSubject {
  readonly context: CliContext;
  /** `undefined`: no server is asked. */
  readonly serverUrl: string | undefined;
  /** Throws where the configuration is wrong. */
  readonly config: () => Promise<Config>;
  readonly opensDatabase: boolean;
}

const MIN_NODE_MAJOR = 22;
/** Certificates, tokens and deadlines begin to suffer. */
const MAX_CLOCK_SKEW_MS = 10_000;

const PACKAGES = [
  { name: '@electric-sql/pglite', for: 'the embedded database' },
  { name: 'pg', for: 'PostgreSQL' },
  { name: '@google-cloud/spanner', for: 'Cloud Spanner' },
  { name: '@duckdb/node-api', for: 'exports to Parquet' },
] as const;

export async function runChecks(subject: DoctorSubject): Promise<Finding[]> {
  const findings = [checkNode(process.versions.node), ...(await checkPackages())];
  const config = await subject.config().catch((error: unknown) => toError(error));
  if (config instanceof Error) {
    findings.push({ check: 'config', level: 'problem', message: config.message });
  } else {
    findings.push({ check: 'config', level: 'ok', message: describeConfig(config) });
    if (subject.opensDatabase) findings.push(await checkDatabase(config, subject.context));
  }
  if (subject.serverUrl !== undefined) {
    findings.push(...(await checkServer(subject.serverUrl, subject.context)));
  }
  return findings;
}

export function checkNode(version: string): Finding {
  const isOld = Number(version.split('.')[0]) < MIN_NODE_MAJOR;
  return isOld
    ? {
        check: 'node',
        level: 'problem',
        message: `Node.js ${version}: take ${MIN_NODE_MAJOR} or newer`,
      }
    : { check: 'node', level: 'ok', message: `Node.js ${version}` };
}

async function checkPackages(): Promise<Finding[]> {
  return await Promise.all(
    PACKAGES.map(async ({ name, for: purpose }): Promise<Finding> => {
      try {
        await import(name);
        return { check: 'packages', level: 'ok', message: `${name}, for ${purpose}` };
      } catch {
        const message = `${name} is not installed; ${purpose} needs it: npm install ${name}`;
        return { check: 'packages', level: 'warning', message };
      }
    }),
  );
}

function describeConfig({ listen, database, auth }: Config): string {
  const callers =
    auth.kind === 'none' ? 'callers on this machine only' : 'callers with OIDC tokens';
  return `database ${database.kind}, listens on ${listen.host}:${listen.port}, ${callers}`;
}

async function checkDatabase(config: Config, { clock }: CliContext): Promise<Finding> {
  try {
    const { openDatabase } = await import('../server/open-database.ts');
    const database = await openDatabase(config, { log: silentLog, clock });
    try {
      await database.checkSchema();
    } finally {
      await database.close();
    }
    return {
      check: 'database',
      level: 'ok',
      message: 'reachable, with the schema of this version',
    };
  } catch (error) {
    return { check: 'database', level: 'problem', message: toError(error).message };
  }
}

async function checkServer(url: string, { clock }: CliContext): Promise<Finding[]> {
  try {
    const response = await fetch(`${url}/readyz`);
    const answer = (await response.text()).trim();
    const isReady = response.ok;
    const said = isReady ? `${url} is ready` : `${url} is not ready: ${answer}`;
    return [
      { check: 'server', level: isReady ? 'ok' : 'problem', message: said },
      checkClock(response.headers.get('date'), clock.now()),
    ];
  } catch (error) {
    const { cause, message } = toError(error);
    const reason = cause instanceof Error ? cause.message || String(cause) : message;
    const hint = 'start it with "postlude serve", or name another with --server';
    return [{ check: 'server', level: 'problem', message: `${url}: ${reason}; ${hint}` }];
  }
}

export function checkClock(serverDate: string | null, now: number): Finding {
  const skewMs = serverDate === null ? 0 : Math.abs(Date.parse(serverDate) - now);
  return skewMs > MAX_CLOCK_SKEW_MS
    ? {
        check: 'clock',
        level: 'warning',
        message: `${Math.round(skewMs / 1000)} s off the server's: set this machine's clock`,
      }
    : { check: 'clock', level: 'ok', message: 'in step with the server' };
}
