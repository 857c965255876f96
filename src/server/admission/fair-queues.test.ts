import { FakeClock } from '@postlude/queue/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { limitsOfLoopback } from './caller-limits.ts';
import { FairQueues, type Place } from './fair-queues.ts';
import { byClass } from './method-class.ts';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function openQueues({
  atOnce,
  bytes,
  perCaller,
}: Record<'atOnce' | 'bytes' | 'perCaller', number>) {
  const clock = new FakeClock();
  const capacity = { bytes, concurrency: byClass(() => perCaller) };
  const limits = { ...limitsOfLoopback(capacity), waiting: byClass(() => 5) };
  const queues = new FairQueues({
    clock,
    capacity: () => atOnce,
    maxBytes: bytes,
    maxWaitMs: () => 1_000,
    maxWaiting: 12,
  });
  return { clock, limits, queues };
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ enter: fc.nat({ max: 5 }), bytes: fc.nat({ max: 60 }) }) },
  { weight: 4, arbitrary: fc.record({ release: fc.nat({ max: 20 }) }) },
  { weight: 1, arbitrary: fc.record({ cancel: fc.nat({ max: 20 }) }) },
  { weight: 1, arbitrary: fc.record({ passMs: fc.nat({ max: 600 }) }) },
);

test('whatever happens, bounds hold, nothing is lost, and nobody waits beside free places', async () => {
  const bounds = { atOnce: 3, bytes: 100, perCaller: 2 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { clock, limits, queues } = openQueues(bounds);
      const places: Place[] = [];
      const waits: AbortController[] = [];
      let [sent, ended] = [0, 0];
      for (const each of steps) {
        if ('enter' in each) {
          const leaving = new AbortController();
          waits.push(leaving);
          sent += 1;
          const request = { limits, methodClass: 'write', signal: leaving.signal } as const;
          queues.enter({ ...request, caller: `caller ${each.enter}`, bytes: each.bytes }).then(
            (place) => places.push(place),
            () => (ended += 1),
          );
        } else if ('release' in each) {
          const [place] = places.splice(each.release % Math.max(places.length, 1), 1);
          if (place) ended += 1;
          place?.release();
        } else if ('cancel' in each)
          waits[each.cancel % Math.max(waits.length, 1)]?.abort(new Error());
        else clock.advance(each.passMs);
        await settled();
        const { inWork, waiting } = queues.stateOf('write');
        expect(inWork).toBe(places.length);
        expect(inWork + waiting + ended).toBe(sent);
        expect(inWork).toBeLessThanOrEqual(bounds.atOnce);
        expect(waiting).toBeLessThanOrEqual(12);
        expect(queues.bytes <= bounds.bytes || inWork === 1).toBe(true);
        for (const { lanes } of queues.callers.values()) {
          const { first } = lanes.write;
          expect(lanes.write.inWork).toBeLessThanOrEqual(bounds.perCaller);
          const hasRoom = inWork < bounds.atOnce && first && lanes.write.hasRoomFor(first.bytes);
          if (hasRoom && queues.bytes + first.bytes <= bounds.bytes) {
            // Only a call that comes before it, and does not fit, may keep it waiting.
            expect(queues.bytes + 60).toBeGreaterThan(bounds.bytes);
          }
        }
      }
      clock.advance(1_000);
      await settled();
      for (const place of places.splice(0)) place.release();
      expect([queues.callers.size, queues.bytes]).toEqual([0, 0]);
    }),
    { numRuns: 150 },
  );
});

test('if too many wait in all, the longest queue gives way to a shorter one', async () => {
  const { limits, queues } = openQueues({ atOnce: 1, bytes: 100, perCaller: 1 });
  const refused: string[] = [];
  const send = (caller: string): void => {
    const { signal } = new AbortController();
    queues
      .enter({ caller, limits, methodClass: 'write', bytes: 1, signal })
      .catch(() => refused.push(caller));
  };
  for (const caller of ['a', 'a', 'a', 'a', 'a', 'a', 'b', 'b', 'b', 'b', 'c', 'c', 'c'])
    send(caller);
  await settled();
  expect([queues.stateOf('write').waiting, refused]).toEqual([12, []]);
  send('new');
  await settled();
  expect([queues.stateOf('write').waiting, refused]).toEqual([12, ['a']]);
});

test('requests that turn out to be large leave bytes for other callers', async () => {
  const { limits, queues } = openQueues({ atOnce: 10, bytes: 100, perCaller: 5 });
  const { signal } = new AbortController();
  const enter = (caller: string, bytes: number): Promise<Place> =>
    queues.enter({ caller, bytes, limits: { ...limits, bytes: 50 }, methodClass: 'read', signal });
  const [first, second] = [await enter('greedy', 1), await enter('greedy', 1)];
  first.hold(40);
  expect(() => second.hold(11)).toThrow(/more than 50 bytes of requests in work; try again in 1 s/);
  second.hold(10);
  expect(queues.bytes).toBe(50);
  const other = await enter('other', 50);
  other.hold(90); // a single request may be of any size
});
