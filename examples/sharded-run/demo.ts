/**
 * Shows the main job of postlude from start to end: two sharded test runs, recorded by separate processes.
 * Machines die on the way, and jobs are retried and cancelled. Each run still ends, its totals are those of
 * the test runners, and every result is exported exactly once.
 *
 *     npm run demo [-- --database postgres://…|spanner://… --folder PATH]
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { badNight } from './bad-night.ts';
import { lateShard } from './late-shard.ts';
import { Stage } from './stage.ts';

const root = join(import.meta.dirname, '..', '..');
const { values: given } = parseArgs({
  options: { database: { type: 'string' }, folder: { type: 'string' } },
});
const stage = new Stage(given.folder ? resolve(given.folder) : join(root, '.postlude', 'demo'));
/** On a database that is kept, each demo makes a new run. */
const RUN = given.database ? `demo-${randomUUID().slice(0, 8)}` : 'demo';

// The child processes have their own process groups, which Ctrl-C does not reach.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    stage.killAll();
    process.exit(1);
  });
}
try {
  await main();
} finally {
  stage.killAll();
}

async function main(): Promise<void> {
  rmSync(stage.folder, { recursive: true, force: true });
  mkdirSync(stage.folder, { recursive: true });
  stage.step(
    given.database
      ? `A server starts, on ${new URL(given.database).protocol}//…`
      : 'A server starts, with an embedded database. Nothing else is needed.',
  );
  const server = await stage.serve(given.database ?? `pglite:${join(stage.folder, 'data')}`);
  await lateShard(stage, RUN);
  await badNight(stage, `${RUN}-night`);
  server.child.kill('SIGTERM');
  await server.ended;
  farewell();
}

function farewell(): void {
  const files = stage.files();
  if (files.length !== 2) throw new Error(`two runs left ${files.length} files`);
  console.log(`
The files: ${files.map((file) => relative(root, file)).join('\n           ')}
Next:      README.md, docs/ci.md (your pipeline), docs/queue.md (only the queue),
           docs/finalization.md (how "over" is decided)`);
}
