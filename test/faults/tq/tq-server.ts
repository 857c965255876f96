/**
 * A server process of a fault run, as users build it: adds pushed tasks in transactions when told
 * to, takes pushes, and sweeps. Its argument is a TqServerOptions.
 */
import { createServer } from 'node:http';
import { type Clock, hasCode, randomHex, systemClock } from '@postlude/queue/foundations';
import { openPostgres } from '@postlude/queue/postgres';
import {
  CloudTasksSubmitter,
  createPushHandler,
  nodePush,
  Sweeper,
  TaskClasses,
  Tq,
} from '@postlude/queue/tq';
import {
  AUDIENCE,
  addedNumbers,
  type Chunk,
  NUMBERED,
  PUSH_AS,
  ranNumbers,
  type ServerMessage,
  SWEEP_AHEAD_MS,
  SWEEP_EVERY_MS,
  TAKEN_NUMBER,
  type TqServerOptions,
} from './tq-effects.ts';

class RolledBack extends Error {}

const options: TqServerOptions = JSON.parse(process.argv[2] ?? '{}');
const { databaseUrl, schema, port, emulatorHost, issuer } = options;

const db = await openPostgres({ url: databaseUrl, schema, maxConnections: 4 });
const submitter = await CloudTasksSubmitter.open({ emulatorHost });
const classes = new TaskClasses([NUMBERED]);
classes.attach(NUMBERED, async ({ payload: { number } }) => {
  await db.write((tx) => tx.insert(ranNumbers, [{ nonce: randomHex(16), number }]));
});
const tq = new Tq({
  db,
  classes,
  submitter,
  settings: {
    project: 'p',
    region: 'l',
    defaultTargetHost: `http://127.0.0.1:${port}`,
    pushAs: PUSH_AS,
    pushAudience: AUDIENCE,
  },
});
const ahead: Clock = { ...systemClock, now: () => systemClock.now() + SWEEP_AHEAD_MS };
const sweeper = new Sweeper({ db, submitter, clock: ahead });

const auth = { issuer, audiences: [AUDIENCE], emails: [PUSH_AS] };
const push = nodePush(createPushHandler({ classes, auth }));
const server = createServer((request, response) => {
  if (!push(request, response)) response.writeHead(404).end();
});
await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));

// The parent process is gone, so this one ends as well.
process.once('disconnect', () => process.exit(1));
process.on('message', (chunk: Chunk) => {
  void addChunk(chunk).then(() => tell({ kind: 'settled', id: chunk.id }));
});
tell({ kind: 'ready' });
await sweepForEver();

async function sweepForEver(): Promise<never> {
  for (;;) {
    await systemClock.sleep(SWEEP_EVERY_MS);
    const { submitted } = await sweeper.runOnce();
    if (submitted > 0) tell({ kind: 'swept', count: submitted });
  }
}

async function addChunk({ numbers, end }: Chunk): Promise<void> {
  const added = db.write(async (tx) => {
    const rows = end === 'fails-at-commit' ? [...numbers, TAKEN_NUMBER] : numbers;
    await tx.insert(
      addedNumbers,
      rows.map((number) => ({ number })),
    );
    for (const number of numbers) await tq.addTask({ class: NUMBERED, payload: { number } }, tx);
    if (end === 'throws') throw new RolledBack();
  });
  await added.catch((error: unknown) => {
    // This process's predecessor, which was killed, may already have added the same chunk.
    if (!(error instanceof RolledBack) && !hasCode(error, 'already-exists')) throw error;
  });
}

function tell(message: ServerMessage): void {
  process.send?.(message);
}
