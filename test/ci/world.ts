/** The place where simulated pipelines run: a server that knows their issuers, folders for jobs, and their logs. */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Place } from '../scenarios/stage/place.ts';
import type { Authority } from './authority.ts';
import { JobLog } from './job-log.ts';
import { Shell } from './shell.ts';
import { Plan, writeTools } from './tools.ts';

/** How a job ended. */
export type Conclusion = 'success' | 'failure' | 'cancelled' | 'skipped';
export type Variables = Readonly<Record<string, string>>;

const ROOT = join(import.meta.dirname, '../..');
export const COMMIT = 'ffac537e6cbbf934b08745a378932722df287a53';
const WATCHER = { issuer: 'https://people.example.com', email: 'watcher@example.com' };

export function readRecipe(path: string): Promise<string> {
  return readFile(join(ROOT, path), 'utf8');
}

/**
 * Returns the server's settings: those of the documents, with the places of the issuers' keys here, and
 * one more issuer for the watcher, who asks for verdicts and exports.
 */
export async function ciSettings(authority: Authority): Promise<string> {
  const settings = parse(await readRecipe('examples/ci/postlude.yaml'));
  const watcher = { issuer: WATCHER.issuer, audiences: ['postlude'], identity: 'user:{email}' };
  const oidc = [...settings.oidc, watcher].map((each) => ({
    ...each,
    jwksUri: authority.jwksUri,
  }));
  settings.realms['ci:@root'].admin = [`user:${WATCHER.email}`];
  return stringify({ ...settings, oidc });
}

/** Returns a token for the commands of the scenario itself. */
export function watcherToken(authority: Authority, lifetime = '1d'): Promise<string> {
  const { email, issuer } = WATCHER;
  return authority.token({ issuer, audience: 'postlude', claims: { email }, lifetime });
}

export class CiWorld {
  readonly place: Place;
  readonly authority: Authority;
  readonly plan: Plan;
  readonly #logs = new Map<string, JobLog>();
  #jobs = 0;

  private constructor(place: Place, authority: Authority, plan: Plan) {
    this.place = place;
    this.authority = authority;
    this.plan = plan;
  }

  static async open(place: Place): Promise<CiWorld> {
    const { authority } = place.server;
    if (authority === undefined) throw new Error('the server of the scenario knows no CI system');
    return new CiWorld(place, authority, await Plan.create(join(place.folder, 'plan')));
  }

  /** Returns the log of all attempts at the job. */
  log(job: string): JobLog {
    const log = this.#logs.get(job) ?? new JobLog(job);
    this.#logs.set(job, log);
    return log;
  }

  /** Waits until the tests of the job are running; they run until they are stopped. */
  async untilRunning(job: string): Promise<void> {
    this.place.endGroup(Number(await this.log(job).printed(/^running (\d+)$/m)));
  }

  /** Creates a machine for one job; `workspace` is given if it outlives jobs. */
  async machine(job: string, workspace?: string): Promise<Machine> {
    this.#jobs += 1;
    const folder = join(this.place.folder, `job-${this.#jobs}`);
    const cwd = workspace ?? join(folder, 'workspace');
    await mkdir(cwd, { recursive: true });
    const bin = await writeTools(folder, this.plan.folder);
    return new Machine(this, this.log(job), { folder, cwd, bin });
  }
}

interface Folders {
  readonly folder: string;
  /** The folder in which the code is checked out. */
  readonly cwd: string;
  readonly bin: string;
}

export class Machine {
  readonly folder: string;
  readonly cwd: string;
  readonly log: JobLog;
  readonly #world: CiWorld;
  readonly #bin: string;

  constructor(world: CiWorld, log: JobLog, { bin, cwd, folder }: Folders) {
    this.#world = world;
    this.log = log;
    this.folder = folder;
    this.cwd = cwd;
    this.#bin = bin;
  }

  /**
   * Runs a script. One of the recipe's variables is changed: if it sets the address of the server, that
   * becomes the address of the server here.
   */
  start(argv: readonly [string, ...string[]], variables: Variables): Shell {
    const address = 'POSTLUDE_SERVER' in variables ? this.#world.place.server.url : undefined;
    return new Shell(argv, {
      cwd: this.cwd,
      log: this.log,
      env: {
        ...variables,
        ...(address === undefined ? {} : { POSTLUDE_SERVER: address }),
        PATH: `${this.#bin}:/usr/local/bin:/usr/bin:/bin`,
        HOME: this.folder,
        CI_JOB_UNDER_TEST: this.log.name,
        NODE_COMPILE_CACHE: join(this.#world.place.folder, '../compile-cache'),
      },
    });
  }

  /** Takes the machine away. */
  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
