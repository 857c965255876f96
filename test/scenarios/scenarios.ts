/** Lists all scenarios, and runs one. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authority } from '../ci/authority.ts';
import { BUILDKITE } from '../ci/buildkite/scenarios.ts';
import { CIRCLECI } from '../ci/circleci/scenarios.ts';
import { GITHUB } from '../ci/github/scenarios.ts';
import { GITLAB } from '../ci/gitlab/scenarios.ts';
import { JENKINS } from '../ci/jenkins/scenarios.ts';
import { ciSettings, watcherToken } from '../ci/world.ts';
import { AWAY } from './away.ts';
import { CANCELLED } from './cancelled.ts';
import { DEADLINES } from './deadlines.ts';
import { KILLED } from './killed.ts';
import { REPEATED } from './repeated.ts';
import { REPORTING } from './reporting.ts';
import { RETRIED } from './retried.ts';
import type { Scenario } from './scenario.ts';
import { SERVERS } from './servers.ts';
import { type DatabaseName, type DatabaseSource, startDatabases } from './stage/databases.ts';
import { Place } from './stage/place.ts';
import { Serving } from './stage/serving.ts';
import { TOKENS } from './tokens.ts';
import { VERDICTS } from './verdicts.ts';

export const SCENARIOS: readonly Scenario[] = [
  ...KILLED,
  ...CANCELLED,
  ...DEADLINES,
  ...RETRIED,
  ...REPEATED,
  ...SERVERS,
  ...AWAY,
  ...TOKENS,
  ...VERDICTS,
  ...REPORTING,
  ...GITHUB,
  ...GITLAB,
  ...BUILDKITE,
  ...CIRCLECI,
  ...JENKINS,
];

/** A scenario that waits for ever fails after this time, and does not block the suite. */
const LIMIT_MS = 4 * 60_000;

async function tooLong(): Promise<never> {
  await once(AbortSignal.timeout(LIMIT_MS), 'abort');
  throw new Error(`it did not end within ${LIMIT_MS / 1000} s`);
}

/** Recipes do not run on Spanner, as other scenarios cover there what they do to a server. */
export function runsOn({ clientOnly, isCi }: Scenario, database: DatabaseName): boolean {
  return database !== 'spanner' || !(clientOnly || isCi);
}

/** The servers of one kind of database. A scenario that stops its server gets a separate one. */
export class Stage {
  readonly #databases: DatabaseSource;
  readonly #folder: string;
  readonly #shared = new Map<'open' | 'ci', Promise<Serving>>();
  #authority: Promise<Authority> | undefined;

  private constructor(databases: DatabaseSource, folder: string) {
    this.#databases = databases;
    this.#folder = folder;
  }

  static async open(database: DatabaseName): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), 'postlude-scenarios-'));
    return new Stage(await startDatabases(database), folder);
  }

  /** Rejects if the outcome is not the expected one. */
  async run(scenario: Scenario): Promise<void> {
    const folder = await mkdtemp(join(this.#folder, `${scenario.name}-`));
    const server = await this.#serverOf(scenario, folder);
    const place = new Place(scenario.name, folder, server);
    try {
      await Promise.race([scenario.run(place), tooLong()]);
    } finally {
      await place.close();
      if (scenario.stopsServer) await server.stop('SIGKILL');
    }
  }

  async close(): Promise<void> {
    for (const server of this.#shared.values()) await (await server).stop('SIGKILL');
    await (await this.#authority)?.close();
    await this.#databases.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #serverOf({ isCi, stopsServer }: Scenario, folder: string): Promise<Serving> {
    if (stopsServer) return await this.#start(folder, isCi);
    const kind = isCi ? 'ci' : 'open';
    const server =
      this.#shared.get(kind) ?? this.#start(await mkdtemp(join(this.#folder, 'server-')), isCi);
    this.#shared.set(kind, server);
    return await server;
  }

  async #start(folder: string, isCi = false): Promise<Serving> {
    const database = await this.#databases.open();
    if (!isCi) return await Serving.start(folder, database);
    this.#authority ??= Authority.start();
    const authority = await this.#authority;
    const config = join(folder, 'postlude.yaml');
    await writeFile(config, await ciSettings(authority));
    const token = await watcherToken(authority);
    return await Serving.start(folder, database, { authority, config, token });
  }
}
