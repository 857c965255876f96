/** A server on an empty database that lets anybody do everything in one project, as the cases expect. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@postlude/queue/foundations';
import { loadConfig } from '../../src/server/config/config.ts';
import { type ServerOptions, startServer } from '../../src/server/server.ts';

export const REALM = 'testproject:testrealm';

export interface LuciServer {
  readonly url: string;
  close(): Promise<void>;
}

/** `env` names the database, unless an open one is given. */
export async function startLuciServer(
  env: Readonly<Record<string, string>>,
  options: Pick<ServerOptions, 'database'> = {},
): Promise<LuciServer> {
  const cwd = await mkdtemp(join(tmpdir(), 'postlude-luci-'));
  const realmsFile = join(cwd, 'realms.json');
  await writeFile(realmsFile, JSON.stringify({ 'testproject:@root': { admin: ['anyone'] } }));
  const config = await loadConfig({
    env,
    flags: {
      listen: '127.0.0.1:0',
      autoMigrate: 'true',
      poll: '100ms',
      // Nobody has a token; an issuer is needed for realms to count.
      oidcIssuer: 'https://issuer.example',
      oidcAudiences: 'postlude',
      realmsFile,
    },
    cwd,
  });
  const server = await startServer(config, { log: silentLog, ...options });
  return {
    url: server.url,
    close: async () => {
      await server.close();
      await rm(cwd, { recursive: true, force: true });
    },
  };
}
