/**
 * Attacks a server, and commands of users, and compares memory, latency of others, and the end with bounds:
 *
 *     npm run attacks -- [all|KIND|NAME …] [--seconds 5] [--heap 256] [--database pglite|postgres]
 *         [--priority low|normal] [--json]
 *     npm run attacks -- --list
 *
 * Each attack on a server gets a server process of its own, with that many megabytes of heap, and runs beside
 * an honest caller from another address. At its end the server gets SIGTERM. The last line is
 * `{"attacks": {"run", "broken": […]}}`; it fails if a bound is broken. It reads /proc, so it works on Linux.
 * `load` is the number of threads that ran or waited for a processor in the last minute, by the kernel:
 * with more than there are processors, the times say more about the other programs, and an attacker of low
 * priority, as is the default, has little of a processor.
 */

import { join } from 'node:path';
import { startPostgres } from '../../test/support/databases/postgres-server.ts';
import { CommandLine } from '../command-line.ts';
import type { Attack } from './attack.ts';
import { attacksNamed, NAMES } from './attacks.ts';
import { type Measured, type MeasureOptions, measureCommand, measureServer } from './measure.ts';

const line = new CommandLine({
  command: 'npm run attacks',
  names: NAMES,
  defaultName: 'all',
  takesSeveral: true,
  options: {
    seconds: { type: 'string', default: '5' },
    heap: { type: 'string', default: '256' },
    database: { type: 'string', default: 'pglite' },
    priority: { type: 'string', default: 'low' },
    list: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
/** Callers of one machine may use all of a server; those that come from elsewhere may not. */
const EXPOSED = ['--config', join(import.meta.dirname, 'exposed.yaml')];

const [database] = line.list('database', ['pglite', 'postgres']);
const [priority = 'low'] = line.list<'low' | 'normal'>('priority', ['low', 'normal']);
const options: Omit<MeasureOptions, 'serverFlags'> = {
  priority,
  seconds: line.count('seconds'),
  heapMb: line.count('heap', 64),
};
const attacks = attacksNamed(line.selected);

if (line.values.list) for (const { name, says } of attacks) console.log(`${name}: ${says}`);
else if (database === 'postgres') await attackOnPostgres();
else await attackAll({ ...options, serverFlags: EXPOSED });
process.exit(); // clients keep their connections

async function attackOnPostgres(): Promise<void> {
  const postgres = await startPostgres();
  try {
    await attackAll({ ...options, serverFlags: [...EXPOSED, '--database', postgres.url] });
  } finally {
    await postgres.stop();
  }
}

async function attackAll(asked: MeasureOptions): Promise<void> {
  const broken: string[] = [];
  for (const attack of attacks) {
    const measured = await measure(attack, asked);
    if (measured.broken.length > 0) broken.push(attack.name);
    print(measured);
  }
  console.log(JSON.stringify({ attacks: { run: attacks.length, broken } }));
  if (broken.length > 0) process.exitCode = 1;
}

/** A server of another attack leaves nothing: on PostgreSQL, each has a schema of its own. */
function measure(attack: Attack, asked: MeasureOptions): Promise<Measured> {
  const schema = `attack_${attack.name.replaceAll('-', '_')}`;
  const own = database === 'postgres' ? ['--schema', schema] : [];
  const mine = { ...asked, serverFlags: [...asked.serverFlags, ...own] };
  return attack.kind === 'server' ? measureServer(attack, mine) : measureCommand(attack, mine);
}

function print(measured: Measured): void {
  if (line.values.json) {
    console.log(JSON.stringify(measured));
    return;
  }
  const { attack, broken, figures } = measured;
  const shown = Object.entries(figures).map(([name, value]) => {
    return `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`;
  });
  const end = broken.length > 0 ? `BROKEN: ${broken.join('; ')}` : 'within its bounds';
  console.log(`${attack}: ${shown.join(', ')}: ${end}`);
}
