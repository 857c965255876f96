/** All scenarios, and how one is run. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CANCELLED } from './cancelled.ts';
import { type DatabaseName, type DatabaseSource, startDatabases } from './databases.ts';
import { DEADLINES } from './deadlines.ts';
import { KILLED } from './killed.ts';
import { Place } from './place.ts';
import { REPEATED } from './repeated.ts';
import { REPORTING } from './reporting.ts';
import { RETRIED } from './retried.ts';
import type { Scenario } from './scenario.ts';
import { SERVERS } from './servers.ts';
import { Serving } from './serving.ts';

export const SCENARIOS: readonly Scenario[] = [
  ...KILLED,
  ...CANCELLED,
  ...DEADLINES,
  ...RETRIED,
  ...REPEATED,
  ...SERVERS,
  ...REPORTING,
];

/** One that waits for what never comes is a failure, not the end of the suite. */
const LIMIT_MS = 4 * 60_000;

async function tooLong(): Promise<never> {
  await once(AbortSignal.timeout(LIMIT_MS), 'abort');
  throw new Error(`it did not end within ${LIMIT_MS / 1000} s`);
}

export function runsOn({ clientOnly }: Scenario, database: DatabaseName): boolean {
  return database !== 'spanner' || !clientOnly;
}

/** The servers of one kind of database; scenarios that stop theirs have one of their own. */
export class Stage {
  readonly #databases: DatabaseSource;
  readonly #folder: string;
  #shared: Promise<Serving> | undefined;

  private constructor(databases: DatabaseSource, folder: string) {
    this.#databases = databases;
    this.#folder = folder;
  }

  static async open(database: DatabaseName): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), 'postlude-scenarios-'));
    return new Stage(await startDatabases(database), folder);
  }

  /** Rejects where it comes out otherwise. */
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
    await (await this.#shared)?.stop('SIGKILL');
    await this.#databases.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #serverOf({ stopsServer }: Scenario, folder: string): Promise<Serving> {
    const start = async (where: string) => Serving.start(where, await this.#databases.open());
    if (stopsServer) return await start(folder);
    this.#shared ??= start(this.#folder);
    return await this.#shared;
  }
}
