/** Opens the contenders of the benches of the queue: postlude, the peers, and bare SQL. */
import { openGraphile } from '../peers/graphile-worker.ts';
import { installPeers } from '../peers/install.ts';
import { openPgBoss, openPgBossLoop } from '../peers/pg-boss.ts';
import { openBareSql } from './bare-sql.ts';
import type { Contender } from './contender.ts';
import { openPostlude, openPostludeBatches } from './postlude.ts';

const OPENERS = {
  postlude: openPostlude,
  postlude_batches: openPostludeBatches,
  bare_loop: (url: string) => openBareSql(url, 1),
  two_bare_loops: (url: string) => openBareSql(url, 2),
  graphile_worker: openGraphile,
  pg_boss: openPgBoss,
  pg_boss_loop: openPgBossLoop,
} satisfies Record<string, (url: string) => Promise<Contender>>;
export type ContenderName = keyof typeof OPENERS;

const PEERS: readonly ContenderName[] = ['graphile_worker', 'pg_boss', 'pg_boss_loop'];

/** The option of every bench with peers. */
export const PEER_OPTIONS = { 'no-peers': { type: 'boolean', default: false } } as const;

export class Contenders {
  readonly all: readonly Contender[];
  readonly #versions: Readonly<Record<string, string>>;

  private constructor(all: readonly Contender[], versions: Readonly<Record<string, string>>) {
    this.all = all;
    this.#versions = versions;
  }

  /** Opens those of `names`, and installs the peers among them first if they are missing. */
  static async open(
    url: string,
    names: readonly ContenderName[],
    options: { readonly 'no-peers': boolean },
  ): Promise<Contenders> {
    const wanted = options['no-peers'] ? names.filter((name) => !isPeer(name)) : names;
    const versions = wanted.some(isPeer) ? installPeers() : {};
    const all: Contender[] = [];
    for (const name of wanted) all.push(await openContender(url, name));
    return new Contenders(all, versions);
  }

  get peers(): string[] {
    return this.all.map(({ name }) => name).filter(isPeer);
  }

  /** The versions of the peers, and how each contender is set, for the line that a bench prints. */
  get about(): object {
    const configurations = this.all.map(({ name, configuration }) => [name, configuration]);
    return { peer_versions: this.#versions, contenders: Object.fromEntries(configurations) };
  }

  async close(): Promise<void> {
    for (const contender of this.all) await contender.close();
  }
}

export function openContender(url: string, name: ContenderName): Promise<Contender> {
  return OPENERS[name](url);
}

function isPeer(name: string): boolean {
  return PEERS.some((peer) => peer === name);
}
