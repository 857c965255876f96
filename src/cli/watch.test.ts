import { Code, ConnectError } from '@connectrpc/connect';
import { FakeClock } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { openCliContext } from '../../test/support/cli/cli-world.ts';
import { MemoryStream } from '../../test/support/cli/memory-stream.ts';
import { Invocation_State } from '../gen/luci/resultdb/v1/invocation_pb.js';
import type { Connection } from './connection/connection.ts';
import { Output } from './terminal/output.ts';
import { Progress } from './terminal/progress.ts';
import { watchUntilFinalized } from './watch.ts';

const REFUSED = new ConnectError('too many watchers', Code.ResourceExhausted, {
  'retry-after': '30',
});

/** A server that refuses the watch with each of these errors, and then says that the run is over. */
function openWatch(errors: ConnectError[]) {
  const clock = new FakeClock();
  const stderr = new MemoryStream();
  const context = { ...openCliContext(), clock, stderr };
  let watches = 0;
  const connection = {
    resultDb: {
      getInvocation: async () => ({
        state: watches > errors.length ? Invocation_State.FINALIZED : Invocation_State.ACTIVE,
      }),
    },
    invocations: {
      watchInvocation: async function* () {
        const error = errors[watches++];
        if (error) throw error;
        yield { invocation: { state: Invocation_State.FINALIZED } };
      },
    },
  } as unknown as Connection;
  const output = new Output(context, { json: false, quiet: false });
  const progress = new Progress(stderr, clock, false);
  const over = watchUntilFinalized({ context, connection, output, progress }, 'x');
  return { clock, over, stderr, watches: () => watches };
}

test('a watch that is refused for now waits for the told time and a part of it, and says so once', async () => {
  const { clock, over, stderr, watches } = openWatch([REFUSED, REFUSED]);
  for (const refusals of [1, 2]) {
    await clock.untilSleepers(1);
    expect(watches()).toBe(refusals);
    clock.advance(29_999);
    expect(clock.sleepers).toBe(1);
    clock.advance(15_001); // The part is half of it at most.
  }
  expect(await over).toMatchObject({ state: Invocation_State.FINALIZED });
  expect(stderr.text().match(/too many watchers; waiting/g)).toHaveLength(1);
});

test('a refusal that does not say when to try again ends the watch', async () => {
  const { over } = openWatch([new ConnectError('no', Code.ResourceExhausted)]);
  await expect(over).rejects.toMatchObject({ code: Code.ResourceExhausted });
});
