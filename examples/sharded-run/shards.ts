/** The shards of the run: which tests, by which runner, and where that leaves its report. */
import { join } from 'node:path';

const here = import.meta.dirname;
const bin = (name: string): string => join(here, '..', '..', 'node_modules', '.bin', name);

export interface Shard {
  readonly id: string;
  readonly runner: string;
  readonly command: readonly [string, ...string[]];
  /** What `postlude record --reports` is told to collect. */
  readonly report: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** `folder` is where reports and the traces of earlier runs go. */
export function shardsOf(run: string, folder: string) {
  const report = (name: string): string => join(folder, name);
  const nodeTest = (file: string, to: string): Shard['command'] => [
    process.execPath,
    '--test',
    '--test-reporter=junit',
    `--test-reporter-destination=${to}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    join(here, 'node-test', file),
  ];
  const vitest = (to: string): Shard['command'] => [
    process.execPath,
    bin('vitest'),
    'run',
    '--config',
    join(here, 'vitest', 'vitest.config.js'),
    '--reporter=default',
    '--reporter=junit',
    `--outputFile.junit=${to}`,
  ];
  const carrierCache = { DEMO_CARRIER_CACHE: report('carrier-cache.txt') };
  return {
    cart: {
      id: `${run}-shard-1`,
      runner: 'node:test',
      command: nodeTest('cart.test.js', report('shard-1.xml')),
      report: report('shard-1.xml'),
    },
    shipping: {
      id: `${run}-shard-2`,
      runner: 'Vitest',
      command: vitest(report('shard-2.xml')),
      report: report('shard-2.xml'),
      env: carrierCache,
    },
    shippingAgain: {
      id: `${run}-shard-2-try-2`,
      runner: 'Vitest, second try',
      command: vitest(report('shard-2-try-2.xml')),
      report: report('shard-2-try-2.xml'),
      env: carrierCache,
    },
    delivery: {
      id: `${run}-shard-3`,
      runner: 'Mocha',
      command: [process.execPath, join(here, 'mocha', 'run.js'), report('shard-3.tap')],
      report: report('shard-3.tap'),
    },
    parcels: {
      id: `${run}-shard-4`,
      runner: 'node:test',
      command: nodeTest('parcels.test.js', report('shard-4.xml')),
      report: report('shard-4.xml'),
      env: { DEMO_SHIP: report('ship-has-arrived') },
    },
  } satisfies Record<string, Shard>;
}
