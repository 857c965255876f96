import { request as httpRequest, type IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { Signal } from '../../../../../test/support/signal.ts';
import {
  listen,
  localRequest,
  MAIL_ENVELOPE,
  openPushWorld,
  servePushWorld,
} from '../../../../../test/support/tq/push-world.ts';
import { CodedError, IgnoredError, PermanentError } from '../../foundations/errors.ts';
import { nodePush } from './adapters/node.ts';

const WITHOUT_A_HANDLER = '{"class": "inner", "body": {"to": "a"}}';

describe('a task that is run', () => {
  const outcomes: readonly [number, string, Error | undefined][] = [
    [200, 'done', undefined],
    [202, 'fatal', new PermanentError('no use')],
    [204, 'ignored', new IgnoredError('too late')],
    [429, 'retry', new Error('a bug')],
    [500, 'transient', new CodedError('unavailable', 'the database is away')],
  ];
  test.each(outcomes)('gets status %i if its outcome is %s', async (status, outcome, error) => {
    const world = await servePushWorld();
    world.handle = () => (error ? Promise.reject(error) : Promise.resolve());
    const response = await world.post();
    expect(response.status).toBe(status);
    expect(await response.text()).toBe(status === 204 ? '' : `${outcome}\n`);
    expect(world.handled).toMatchObject([{ task: { payload: { to: 'a' } } }]);
    expect(world.rejected).toEqual([]);
  });

  test('gets what the queue says about it', async () => {
    const { post, handled, clock } = await servePushWorld();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await post(MAIL_ENVELOPE, {
      'X-CloudTasks-TaskName': 'n1',
      'X-CloudTasks-QueueName': 'post',
      'X-CloudTasks-TaskExecutionCount': '3',
      'X-CloudTasks-TaskRetryReason': 'NOT_FOUND',
      'X-CloudTasks-TaskPreviousResponse': '404',
      'X-Luci-Tq-Trace-Context': traceparent,
      'X-Luci-Tq-Expected-ETA': `${clock.now() / 1000}.000000`,
    });
    expect(handled[0]?.task).toEqual({
      classId: 'mail',
      id: 'n1',
      payload: { to: 'a' },
      queue: 'post',
      attempt: 4,
      retryReason: 'NOT_FOUND',
      previousStatus: 404,
      traceparent,
      processAfter: clock.now(),
    });
  });

  test('gets the same from App Engine, and nothing from others', async () => {
    const { post, handled } = await servePushWorld();
    await post(MAIL_ENVELOPE, {
      'X-AppEngine-TaskName': 'n1',
      'X-AppEngine-QueueName': 'post',
      'X-AppEngine-TaskExecutionCount': '2',
    });
    await post(MAIL_ENVELOPE, { 'X-CloudTasks-TaskExecutionCount': '-1' });
    expect(handled[0]?.task).toMatchObject({ id: 'n1', queue: 'post', attempt: 3 });
    expect(handled[1]?.task).toEqual({
      classId: 'mail',
      id: undefined,
      payload: { to: 'a' },
      queue: undefined,
      attempt: 1,
      processAfter: undefined,
      traceparent: undefined,
    });
    expect(handled[1]?.context.signal.aborted).toBe(false);
  });

  test('learns that the client has gone', async () => {
    const world = await servePushWorld();
    const started = new Signal<AbortSignal>();
    const gone = new Signal();
    world.handle = ({ signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve(gone.emit()));
        started.emit(signal);
      });
    const client = new AbortController();
    const answered = fetch(world.url, {
      method: 'POST',
      body: MAIL_ENVELOPE,
      signal: client.signal,
    });
    const signal = await started.next();
    expect(signal.aborted).toBe(false);
    client.abort();
    await expect(answered).rejects.toThrow();
    await gone.next();
    expect(signal.aborted).toBe(true);
  });

  test('runs inside the function that the program puts around it', async () => {
    const steps: (string | undefined)[] = [];
    const world = await servePushWorld({
      around: async ({ traceparent }, run) => {
        steps.push(traceparent);
        const receipt = await run();
        steps.push(receipt.outcome);
        return receipt;
      },
    });
    world.handle = async () => void steps.push('handled');
    await world.post(MAIL_ENVELOPE, { 'X-Luci-Tq-Trace-Context': 'a trace' });
    expect(steps).toEqual(['a trace', 'handled', 'done']);
  });

  test('gets status 500 if the function around it fails', async () => {
    const { post, log } = await servePushWorld({ around: () => Promise.reject(new Error('no')) });
    const response = await post();
    expect([response.status, await response.text()]).toEqual([500, 'internal error\n']);
    expect(log.lines).toMatchObject([{ level: 'error', message: 'a push failed' }]);
  });

  test('does not reveal what its handler threw', async () => {
    const world = await servePushWorld();
    world.handle = () => Promise.reject(new Error('no mailbox of a'));
    expect(await (await world.post()).text()).toBe('retry\n');
    expect(world.log.lines).toMatchObject([{ fields: { error: { message: 'no mailbox of a' } } }]);
  });
});

describe('a push that runs nothing', () => {
  const refused: readonly [string, string, number, string][] = [
    ['is not JSON', '{"class": ', 400, 'not a task: it is not JSON in UTF-8'],
    ['is empty', '', 400, 'not a task: it is not JSON in UTF-8'],
    ['is an empty envelope', '{}', 400, 'not a task: it names neither a class nor a type'],
    ['has no payload', '{"class": "mail"}', 400, 'not a task: it has no body'],
    ['has a wrong payload', '{"class": "mail", "body": {"to": 1}}', 400, 'expected string'],
    ['is a list', '[]', 400, 'not a task: it is not a JSON object'],
    [
      'has an unknown class',
      '{"class": "x", "body": {}}',
      404,
      'there is no class of tasks x here',
    ],
    ['has an unknown type', '{"type": "x.Y", "body": {}}', 404, 'no class of tasks x.Y here'],
    ['has no handler', WITHOUT_A_HANDLER, 404, 'inner has no handler here'],
  ];
  test.each(refused)('%s', async (_what, body, status, message) => {
    const { post, handled, rejected } = await servePushWorld();
    const response = await post(body);
    expect(response.status).toBe(status);
    expect(await response.text()).toContain(message);
    expect(handled).toEqual([]);
    expect(rejected).toHaveLength(1);
  });

  test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])('is a %s', async (method) => {
    const { url, handled, rejected } = await servePushWorld();
    const response = await fetch(url, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    expect(handled).toEqual([]);
    expect(rejected).toEqual(['method']);
  });

  test('announces too large a body: it is refused unread', async () => {
    const { url, handled, rejected } = await servePushWorld({ maxBodyBytes: 1000 });
    const { answer } = open(url, { 'content-length': '1001' });
    expect(await answer).toMatchObject({ statusCode: 413, headers: { connection: 'close' } });
    expect(handled).toEqual([]);
    expect(rejected).toEqual(['too-large']);
  });

  test('turns out to be too large: it is refused before it ends', async () => {
    const { url, handled, rejected } = await servePushWorld({ maxBodyBytes: 1000 });
    const { answer, request } = open(url, { 'transfer-encoding': 'chunked' });
    request.write(' '.repeat(600));
    request.write(' '.repeat(600));
    expect(await answer).toMatchObject({ statusCode: 413 });
    expect(handled).toEqual([]);
    expect(rejected).toEqual(['too-large']);
  });

  test('is cut off in its body', async () => {
    const { push, rejected, handled, log } = openPushWorld();
    const answered = new Signal<number>();
    const origin = await listen((request, response) => {
      const watched = nodePush(async (pushed) => {
        const answer = await push(pushed);
        answered.emit(answer.status);
        return answer;
      });
      watched(request, response);
    });
    const { answer, request } = open(`${origin}/internal/tasks/t/mail`, {
      'content-length': '900',
    });
    request.write(MAIL_ENVELOPE, () => request.destroy());
    await expect(answer).rejects.toThrow();
    expect(await answered.next()).toBe(500);
    expect([handled, rejected]).toEqual([[], ['unreadable']]);
    expect(log.lines).toMatchObject([{ fields: { message: 'the body cannot be read' } }]);
  });

  test('may have a body of the greatest size', async () => {
    const { post, handled } = await servePushWorld({ maxBodyBytes: 1000 });
    expect((await post(MAIL_ENVELOPE.padEnd(1000))).status).toBe(200);
    expect((await post(MAIL_ENVELOPE.padEnd(1001))).status).toBe(413);
    expect(handled).toHaveLength(1);
  });

  test('is pushed again later while the bodies of others take all the room', async () => {
    const world = await servePushWorld({ maxHeldBytes: 1000 });
    const { post, rejected } = world;
    const [entered, end] = [new Signal(), new Signal()];
    world.handle = () => {
      entered.emit();
      return end.next();
    };
    const large = MAIL_ENVELOPE.padEnd(600);
    const first = post(large);
    await entered.next();
    expect((await post(large)).status).toBe(503);
    expect(rejected).toEqual(['no-room']);
    end.emit();
    expect((await first).status).toBe(200);
    world.handle = () => Promise.resolve();
    expect((await post(large)).status).toBe(200);
  });

  test('has a body of a mebibyte at most unless the program says otherwise', async () => {
    const { push } = openPushWorld();
    const sized = (bytes: number): Promise<number> =>
      push(localRequest({ headers: { 'content-length': String(bytes) } })).then((a) => a.status);
    expect([await sized(2 ** 20), await sized(2 ** 20 + 1)]).toEqual([200, 413]);
  });
});

/** Begins a POST whose body the test sends. */
function open(url: string, headers: Record<string, string>) {
  const request = httpRequest(url, { method: 'POST', headers });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', (response) => resolve(response.resume()));
    request.on('error', reject);
  });
  request.flushHeaders();
  return { request, answer };
}
