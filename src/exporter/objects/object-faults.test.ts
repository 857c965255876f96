/**
 * Attempts that die, and requests and responses that get lost, at every request that a sink makes to
 * real servers. In the end there is one whole file, each row is in it once, and nothing else is left.
 */

import { randomInt, seededRandom } from '@postlude/queue/foundations';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { invocationRowOf, rowOf, rowsOf } from '../../../test/support/exports/export-rows.ts';
import type { Fault } from '../../../test/support/objects/fault-proxy.ts';
import {
  type ObjectServer,
  startGcsServer,
  startS3Server,
} from '../../../test/support/objects/object-servers.ts';
import {
  type BehindProxy,
  type ObjectWorld,
  openObjectWorld,
} from '../../../test/support/objects/object-world.ts';
import {
  appendAll,
  beginSession,
  expectWhole,
  runAttempt,
  SUITE_EXPORT,
  SUITE_ROW_EXPORT,
} from '../../../test/support/suites/sink-suite.ts';
import type { ExportRow } from '../rows/row-kind.ts';
import type { Receipt } from '../sink.ts';

const SERVERS = [
  { name: 'S3', isThere: inject('hasS3Server'), start: startS3Server },
  { name: 'GCS', isThere: inject('hasGcsEmulator'), start: startGcsServer },
];
const LIVE = new AbortController().signal;

type Content = 'results in one request' | 'results in parts' | 'the row of an invocation';

/** Text that cannot be compressed below the size of two parts, unless one request suffices. */
function rowsFor(content: Content, { partBytes }: ObjectServer): readonly ExportRow[] {
  if (content === 'the row of an invocation') return [invocationRowOf('build-1')];
  if (content === 'results in one request') return rowsOf(10);
  const random = seededRandom(7);
  const noise = Uint8Array.from({ length: partBytes * 1.1 }, () => randomInt(random, 256));
  const summary = Buffer.from(noise).toString('base64');
  const each = Math.ceil(summary.length / 10);
  return Array.from({ length: 10 }, (_, index) =>
    rowOf(index, { summary_html: summary.slice(index * each, (index + 1) * each) }),
  );
}

describe.each(SERVERS.filter(({ isThere }) => isThere))('$name', ({ start }) => {
  let server: ObjectServer;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.stop());

  describe.each<Content>([
    'results in one request',
    'results in parts',
    'the row of an invocation',
  ])('a file of %s', (content) => {
    const exported = content === 'the row of an invocation' ? SUITE_ROW_EXPORT : SUITE_EXPORT;
    const { kind } = exported;
    let rows: readonly ExportRow[];
    beforeAll(() => {
      rows = rowsFor(content, server);
    });

    /** Returns how many requests an attempt makes, from the first to its end. */
    async function countRequests(): Promise<number> {
      const world = await openObjectWorld(server);
      const { sink, proxy } = await world.openBehindProxy();
      await runAttempt(sink, rows, exported);
      return proxy.requests.length;
    }

    /** Runs an attempt for each of its requests, all at once, as most of their time is waiting. */
    async function forEachRequest(
      fault: Fault,
      run: (world: ObjectWorld, behind: BehindProxy) => Promise<void>,
    ): Promise<void> {
      const count = await countRequests();
      expect(count).toBeGreaterThan(3);
      const numbers = Array.from({ length: count }, (_, index) => index + 1);
      await Promise.all(
        numbers.map(async (number) => {
          const world = await openObjectWorld(server);
          const behind = await world.openBehindProxy();
          behind.proxy.decide = (request) => (request.number === number ? fault : undefined);
          await run(world, behind);
          const context = `${fault} ${number}: ${behind.proxy.requests.join(', ')}`;
          await expectWhole(world, rows.length, { context, kind });
        }),
      );
    }

    test.each(['die-before', 'die-after'] as const)(
      'an attempt that does %s any request is made up for by the next one',
      async (fault) => {
        await forEachRequest(fault, async (world, { sink, proxy }) => {
          const zombie = runAttempt(sink, rows, exported).catch(() => undefined);
          await Promise.race([proxy.death, zombie]);
          const receipt = await runAttempt(await world.open(), rows, { ...exported, attempt: 2 });
          expect(receipt.rows).toBe(rows.length);
          // Its files go with the process; here, it lives on.
          await sink.close();
        });
      },
    );

    test.each(['lost-request', 'lost-response', 'busy'] as const)(
      'a %s, whichever, is survived by the attempt itself',
      async (fault) => {
        await forEachRequest(fault, async (_world, { sink }) => {
          expect((await runAttempt(sink, rows, exported)).rows).toBe(rows.length);
        });
      },
    );

    test('two attempts on two machines, with faults at random, leave one file', async () => {
      for (let seed = 1; seed <= 4; seed++) {
        const world = await openObjectWorld(server);
        const random = seededRandom(seed);
        const receipts = await Promise.all(
          [1, 2].map(async (attempt) => {
            const { sink, proxy } = await world.openBehindProxy();
            proxy.decide = () => pick(['lost-request', 'lost-response', 'busy'], random);
            return await runAttempt(sink, rows, { ...exported, attempt }).catch(() => undefined);
          }),
        );
        const last = await runAttempt(await world.open(), rows, { ...exported, attempt: 3 });
        for (const receipt of receipts) expect([undefined, last]).toContainEqual(receipt);
        await expectWhole(world, rows.length, { context: `seed ${seed}`, kind });
      }
    });
  });

  test('two attempts that commit at the same moment return the same receipt', async () => {
    const world = await openObjectWorld(server);
    const sessions = await Promise.all(
      [1, 2].map(async (attempt) => await beginSession(await world.open(), { attempt })),
    );
    for (const session of sessions) await appendAll(session, rowsOf(5));
    const committed = sessions.map((session) => session.commit({ rows: 5 }, LIVE));
    const [first, second] = await Promise.all<Receipt>(committed);
    expect(first).toEqual(second);
    await expectWhole(world, 5);
  });

  test('an attempt that was overtaken by another export in its place replaces nothing', async () => {
    const world = await openObjectWorld(server);
    const stale = await beginSession(await world.open());
    await appendAll(stale, rowsOf(5));
    await runAttempt(await world.open(), rowsOf(7), { fingerprint: 'f2' });
    await expect(stale.commit({ rows: 5 }, LIVE)).rejects.toMatchObject({ code: 'lease-lost' });
    await stale.abort();
    await expectWhole(world, 7);
  });

  test('a service that is down fails the attempt, which leaves nothing on this machine', async () => {
    const world = await openObjectWorld(server);
    const { sink, proxy } = await world.openBehindProxy();
    const session = await beginSession(sink);
    await appendAll(session, rowsOf(5));
    proxy.decide = () => 'busy';
    await expect(session.commit({ rows: 5 }, LIVE)).rejects.toMatchObject({ code: 'unavailable' });
    await session.abort();
    expect(await world.leftovers()).toEqual([]);
    expect(await world.list()).toEqual([]);
  });

  test('an object that lost its end is written again', async () => {
    const world = await openObjectWorld(server);
    const store = server.openStore(server.url, world.bucket);
    const { location } = await runAttempt(await world.open(), rowsOf(5));
    const key = location.slice(store.location('').length);
    const info = await store.stat(key);
    const { metadata = {} } = info ?? {};
    const request = { key, content: { text: 'PAR1' }, contentType: 'text/plain', metadata };
    expect(await store.put({ ...request, expected: info ?? 'absent' })).toBe('written');
    const sink = await world.open();
    expect((await sink.verify(SUITE_EXPORT)).status).toBe('damaged');
    const { attempt: _, ...exported } = SUITE_EXPORT;
    expect(await sink.find(exported)).toBeUndefined();
    await runAttempt(sink, rowsOf(5), { attempt: 2 });
    expect((await sink.verify(SUITE_EXPORT)).status).toBe('whole');
    await store.close();
    await expectWhole(world, 5);
  });
});

function pick(faults: readonly Fault[], random: () => number): Fault | undefined {
  return random() < 0.15 ? faults[randomInt(random, faults.length)] : undefined;
}
