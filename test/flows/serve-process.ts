/** Runs a server in its own process. Arguments are flags of `postlude serve`, as `name=value`. */
import { loadConfig } from '../../src/server/config/config.ts';
import { startServer } from '../../src/server/server.ts';

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());

const flags = Object.fromEntries(process.argv.slice(2).map((argument) => argument.split('=', 2)));
const config = await loadConfig({ flags, env: process.env, cwd: process.cwd() });
const server = await startServer(config);
console.log(server.url);
stopping.signal.addEventListener('abort', async () => {
  if ((await server.close()) === 'cut') process.exit(1);
});
