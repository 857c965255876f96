/**
 * Runs a copy that kills itself while it writes its nth page, whether the page has reached the database or
 * not. Arguments: n, and the environments of the two databases as JSON.
 */
import { silentLog, systemClock } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { copyDatabase } from '../../src/copy/copy-database.ts';
import { loadConfig } from '../../src/server/config/config.ts';
import { openReadyDatabase } from '../../src/server/open-database.ts';

const [nth = '', from = '', to = ''] = process.argv.slice(2);

async function open(env: string): Promise<Database> {
  const config = await loadConfig({ flags: {}, env: JSON.parse(env), cwd: process.cwd() });
  return await openReadyDatabase(config, { log: silentLog, clock: systemClock });
}

let pages = 0;
const target = await open(to);
const dying = new Proxy(target, {
  get(database, name) {
    if (name === 'write' && ++pages === Number(nth)) {
      setImmediate(() => process.kill(process.pid, 'SIGKILL'));
    }
    const value: unknown = Reflect.get(database, name);
    return typeof value === 'function' ? value.bind(database) : value;
  },
});
const { signal } = new AbortController();
await copyDatabase({ from: await open(from), to: dying, signal, pageRows: 2 });
