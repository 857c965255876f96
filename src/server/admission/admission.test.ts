import { expect, test } from 'vitest';
import { openTestAdmission } from '../../../test/support/server/test-admission.ts';
import type { AdmittedCall } from './admission.ts';
import { byClass } from './method-class.ts';
import { identityParty, type Party } from './party.ts';
import { Refusal } from './refusal.ts';

const WRITE = 'luci.resultdb.v1.Recorder/BatchCreateTestResults';
const READ = 'luci.resultdb.v1.ResultDB/GetInvocation';
const HEAVY_READ = 'luci.resultdb.v1.ResultDB/QueryTestResults';
const WATCH = 'postlude.v1.Invocations/WatchInvocation';

type World = ReturnType<typeof openTestAdmission>;

interface Sent {
  readonly name: string;
  readonly method?: string;
  readonly bytes?: number;
  readonly signal?: AbortSignal;
}

/** Sends calls, and records their names as they are let in. */
function senderOf({ admission }: World) {
  const letIn: string[] = [];
  const calls = new Map<string, AdmittedCall>();
  const refused = new Map<string, unknown>();
  const send = (party: Party, { name, ...given }: Sent): void => {
    const { method = WRITE, bytes = 1000, signal = new AbortController().signal } = given;
    admission.enter({ method, party, bytes, signal, realm: undefined }).then(
      (call) => {
        letIn.push(name);
        calls.set(name, call);
      },
      (error) => refused.set(name, error),
    );
  };
  return { letIn, calls, refused, send };
}

/** Lets everything happen that is possible without time. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const MANY = identityParty('user:many@example.com');
const OTHER = identityParty('user:other@example.com');
const THIRD = identityParty('user:third@example.com');

const HALF = { concurrency: byClass(() => 4) };

test('a caller with 300 calls at once delays the first call of another one by nothing', async () => {
  const world = openTestAdmission({ atOnce: 8, limits: HALF });
  const { letIn, send } = senderOf(world);
  for (let each = 0; each < 300; each++) send(MANY, { name: `many ${each}` });
  await settled();
  expect(letIn).toHaveLength(4);
  send(OTHER, { name: 'other' });
  await settled();
  expect(letIn.at(-1)).toBe('other');
});

test('callers take turns, however many calls each of them has', async () => {
  const world = openTestAdmission({ atOnce: 1 });
  const { calls, letIn, send } = senderOf(world);
  for (let each = 0; each < 50; each++) send(MANY, { name: `many ${each}` });
  send(OTHER, { name: 'other 0' });
  send(OTHER, { name: 'other 1' });
  send(THIRD, { name: 'third 0' });
  for (let each = 0; each < 6; each++) {
    await settled();
    calls.get(letIn.at(-1) ?? '')?.release();
  }
  expect(letIn.slice(0, 6)).toEqual([
    'many 0',
    'other 0',
    'third 0',
    'many 1',
    'other 1',
    'many 2',
  ]);
});

test('a large call takes several turns', async () => {
  const world = openTestAdmission({ atOnce: 1 });
  const { calls, letIn, send } = senderOf(world);
  send(THIRD, { name: 'first' });
  for (let each = 0; each < 3; each++) {
    send(MANY, { name: `large ${each}`, bytes: 1024 ** 2 });
    send(OTHER, { name: `small ${each}` });
  }
  for (let each = 0; each < 7; each++) {
    await settled();
    calls.get(letIn.at(-1) ?? '')?.release();
  }
  expect(letIn).toEqual([
    'first',
    'small 0',
    'small 1',
    'small 2',
    'large 0',
    'large 1',
    'large 2',
  ]);
});

test('the classes of methods do not wait for one another', async () => {
  const world = openTestAdmission({ atOnce: 1 });
  const { letIn, send } = senderOf(world);
  for (const method of [WRITE, READ, HEAVY_READ, WATCH]) {
    send(MANY, { name: method, method });
    send(MANY, { name: 'one more', method });
  }
  await settled();
  expect(letIn).toEqual([WRITE, READ, HEAVY_READ, WATCH]);
});

test('the bytes in work are bounded, of one caller and of all', async () => {
  const MIB = 1024 ** 2;
  const world = openTestAdmission({ bytes: 6 * MIB, limits: { bytes: 4 * MIB } });
  const { calls, letIn, send } = senderOf(world);
  for (let each = 0; each < 3; each++) send(MANY, { name: `many ${each}`, bytes: 2 * MIB });
  for (let each = 0; each < 3; each++) send(OTHER, { name: `other ${each}`, bytes: 2 * MIB });
  await settled();
  expect(letIn).toEqual(['many 0', 'many 1', 'other 0']);
  calls.get('other 0')?.release();
  await settled();
  expect(letIn.slice(3)).toEqual(['other 1']);
  calls.get('many 0')?.release();
  await settled();
  expect(letIn.slice(4)).toHaveLength(1);
});

test('a call that turns out to be larger counts with what it has', async () => {
  const world = openTestAdmission({ bytes: 1_000_000 });
  const { calls, letIn, send } = senderOf(world);
  send(MANY, { name: 'growing', bytes: 1 });
  await settled();
  calls.get('growing')?.hold(999_999);
  send(OTHER, { name: 'other', bytes: 2 });
  await settled();
  expect(letIn).toEqual(['growing']);
  calls.get('growing')?.release();
  await settled();
  expect(letIn).toEqual(['growing', 'other']);
});

test('a call that is larger than all that is allowed is let in alone', async () => {
  const world = openTestAdmission({ bytes: 1000 });
  const { letIn, send } = senderOf(world);
  send(MANY, { name: 'huge', bytes: 5000 });
  send(OTHER, { name: 'other' });
  await settled();
  expect(letIn).toEqual(['huge']);
});

test('what does not fit in the queue of its caller is refused with a time', async () => {
  const world = openTestAdmission({ atOnce: 1, limits: { waiting: byClass(() => 2) } });
  const { letIn, refused, send } = senderOf(world);
  for (let each = 0; each < 4; each++) send(MANY, { name: `many ${each}` });
  send(OTHER, { name: 'other' });
  await settled();
  expect(letIn).toEqual(['many 0']);
  expect([...refused.keys()]).toEqual(['many 3']);
  const refusal = refused.get('many 3') as Refusal;
  expect(refusal).toBeInstanceOf(Refusal);
  expect(refusal).toMatchObject({ code: 'resource-exhausted', why: 'queue-full' });
  expect(refusal.retryAfterMs).toBeGreaterThanOrEqual(1000);
});

test('what waits too long is refused', async () => {
  const world = openTestAdmission({ atOnce: 1, maxWaitMs: 5_000 });
  const { refused, send } = senderOf(world);
  send(MANY, { name: 'first' });
  send(MANY, { name: 'second' });
  await world.clock.untilSleepers(1);
  world.clock.advance(4_999);
  await settled();
  expect(refused.size).toBe(0);
  world.clock.advance(1);
  await settled();
  expect(refused.get('second')).toMatchObject({ why: 'waited' });
});

test('a call whose caller went away leaves the queue', async () => {
  const world = openTestAdmission({ atOnce: 1, limits: { waiting: byClass(() => 1) } });
  const { calls, letIn, refused, send } = senderOf(world);
  const leaving = new AbortController();
  send(MANY, { name: 'first' });
  send(MANY, { name: 'gone', signal: leaving.signal });
  await settled();
  leaving.abort(new Error('the caller has left'));
  await settled();
  expect(refused.get('gone')).toMatchObject({ message: 'the caller has left' });
  expect(world.clock.sleepers).toBe(0);
  send(MANY, { name: 'next' });
  calls.get('first')?.release();
  await settled();
  expect(letIn).toEqual(['first', 'next']);
});

test('a place that is kept by the work is free only after the work', async () => {
  const world = openTestAdmission({ atOnce: 1 });
  const { calls, letIn, send } = senderOf(world);
  send(MANY, { name: 'first' });
  send(OTHER, { name: 'second' });
  await settled();
  const done = calls.get('first')?.keep();
  calls.get('first')?.release();
  calls.get('first')?.release();
  await settled();
  expect(letIn).toEqual(['first']);
  done?.();
  await settled();
  expect(letIn).toEqual(['first', 'second']);
});

test('a caller may send its rate, and a burst after a pause', async () => {
  const world = openTestAdmission({ limits: { requestsPerSecond: 10, burst: 3 } });
  const { letIn, refused, send } = senderOf(world);
  for (let each = 0; each < 4; each++) send(MANY, { name: `many ${each}` });
  send(OTHER, { name: 'other' });
  await settled();
  expect(letIn).toEqual(['many 0', 'many 1', 'many 2', 'other']);
  expect(refused.get('many 3')).toMatchObject({ why: 'rate', retryAfterMs: 100 });
  world.clock.advance(100);
  send(MANY, { name: 'later' });
  await settled();
  expect(letIn.at(-1)).toBe('later');
});

test('the methods that show the limits never wait', async () => {
  const world = openTestAdmission({ atOnce: 1, limits: { requestsPerSecond: 1, burst: 1 } });
  const { letIn, send } = senderOf(world);
  send(MANY, { name: 'read', method: READ });
  send(MANY, { name: 'limits', method: 'postlude.v1.Limits/GetLimits' });
  await settled();
  expect(letIn.toSorted()).toEqual(['limits', 'read']);
});

test('results of a day are counted for the caller and for the realm', async () => {
  const rules = [{ realm: 'ci:*', resultsPerDay: 1000 }];
  const { admission, clock } = openTestAdmission({ rules });
  const enter = (party: Party) =>
    admission.enter({
      method: WRITE,
      party,
      realm: 'ci:main',
      bytes: 1,
      signal: new AbortController().signal,
    });
  const [many, other] = [await enter(MANY), await enter(OTHER)];
  many.addResults(600);
  const takeBack = other.addResults(400);
  expect(() => other.addResults(1)).toThrow(
    'realm:ci:main has recorded its 1000 results of today (UTC); try again in 21 h',
  );
  takeBack();
  other.addResults(400);
  clock.advance(21 * 3_600_000);
  other.addResults(1000);
});

test('operators see who uses how much', async () => {
  const world = openTestAdmission({ atOnce: 2, limits: { waiting: byClass(() => 1) } });
  const { admission, control, load } = world;
  const { calls, send } = senderOf(world);
  for (let each = 0; each < 4; each++) send(MANY, { name: `many ${each}` });
  send(OTHER, { name: 'other', method: READ });
  await settled();
  calls.get('many 0')?.addResults(5);
  load.delayMs = 300;
  control.check();
  const { callers, classes, load: shown } = admission.readState();
  expect(callers).toMatchObject([
    { name: MANY.name, inWork: 2, waiting: 1, bytes: 2000, refused: 1, resultsToday: 5 },
    { name: OTHER.name, inWork: 1, waiting: 0, refused: 0, resultsToday: 0 },
  ]);
  const write = { capacity: 2, presentCapacity: 1, inWork: 2, waiting: 1 };
  expect(classes.find(({ name }) => name === 'write')).toMatchObject(write);
  expect(shown).toEqual({ delayMs: 300, heapShare: 0, capacityShare: 0.7 });
});

test('an overloaded server takes on less, and recovers by itself', async () => {
  const world = openTestAdmission({ atOnce: 8 });
  const { control, load } = world;
  const { calls, letIn, send } = senderOf(world);
  load.delayMs = 500;
  for (let each = 0; each < 4; each++) control.check();
  for (let each = 0; each < 8; each++) send(MANY, { name: `many ${each}` });
  await settled();
  expect(letIn).toEqual(['many 0']);
  for (let each = 0; each < 20; each++) control.check();
  calls.get('many 0')?.release();
  await settled();
  expect(letIn).toEqual(['many 0', 'many 1']);
  load.delayMs = 0;
  for (let each = 0; each < 20; each++) control.check();
  await settled();
  expect(control.isOverloaded).toBe(false);
  expect(letIn).toHaveLength(8);
});

test('under overload, nobody waits as long as otherwise', async () => {
  const world = openTestAdmission({ atOnce: 1, maxWaitMs: 10_000 });
  const { refused, send } = senderOf(world);
  world.load.heapShare = 0.9;
  for (let each = 0; each < 10; each++) world.control.check();
  send(MANY, { name: 'first' });
  send(OTHER, { name: 'second' });
  await world.clock.untilSleepers(1);
  world.clock.advance(2_000);
  await settled();
  expect(refused.get('second')).toMatchObject({ code: 'resource-exhausted' });
});
