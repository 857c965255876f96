/** The shards of the runs, each with its tests, its runner, and the path of its report. */
import { join } from 'node:path';

const here = import.meta.dirname;
const bin = (name: string): string => join(here, '..', '..', 'node_modules', '.bin', name);

export interface Shard {
  readonly id: string;
  readonly runner: string;
  readonly command: readonly [string, ...string[]];
  /** The value of `postlude record --reports`. */
  readonly report: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Further options of `postlude record`. */
  readonly options?: readonly string[];
}

/** The run whose fourth shard is late. `folder` holds reports and the traces of earlier runs. */
export function shardsOf(run: string, folder: string) {
  const report = (number: number, kind = 'xml'): string =>
    join(folder, `${run}-shard-${number}.${kind}`);
  const carrierCache = { DEMO_CARRIER_CACHE: join(folder, `${run}-carrier-cache.txt`) };
  return {
    cart: {
      id: `${run}-shard-1`,
      runner: 'node:test',
      command: nodeTest('cart.test.js', report(1)),
      report: report(1),
    },
    shipping: {
      id: `${run}-shard-2`,
      runner: 'Vitest',
      command: vitest(report(2)),
      report: report(2),
      env: carrierCache,
    },
    delivery: {
      id: `${run}-shard-3`,
      runner: 'Mocha',
      command: mocha('delivery.test.js', report(3, 'tap')),
      report: report(3, 'tap'),
    },
    parcels: {
      id: `${run}-shard-4`,
      runner: 'node:test',
      command: nodeTest('parcels.test.js', report(4)),
      report: report(4),
      env: { DEMO_SHIP: join(folder, `${run}-ship-has-arrived`) },
    },
  } satisfies Record<string, Shard>;
}

/** The run in which everything goes wrong. */
export function badNightShardsOf(run: string, folder: string) {
  const { shipping, parcels } = shardsOf(run, folder);
  const report = join(folder, `${run}-shard-3.tap`);
  return {
    retried: { ...shipping, id: `${run}-shard-1` },
    // The server considers it lost after so long without a sign of life; the default is ten minutes.
    dying: { ...parcels, id: `${run}-shard-2`, options: ['--lost-after', '2s'] },
    cancelled: {
      id: `${run}-shard-3`,
      runner: 'Mocha',
      command: mocha('returns.test.js', report),
      report,
    },
  } satisfies Record<string, Shard>;
}

function nodeTest(file: string, report: string): Shard['command'] {
  return [
    process.execPath,
    '--test',
    '--test-reporter=junit',
    `--test-reporter-destination=${report}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    join(here, 'node-test', file),
  ];
}

function vitest(report: string): Shard['command'] {
  return [
    process.execPath,
    bin('vitest'),
    'run',
    '--config',
    join(here, 'vitest', 'vitest.config.js'),
    '--reporter=default',
    '--reporter=junit',
    `--outputFile.junit=${report}`,
  ];
}

function mocha(file: string, report: string): Shard['command'] {
  return [process.execPath, join(here, 'mocha', 'run.js'), file, report];
}
