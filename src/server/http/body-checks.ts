/** Bounds the bodies of all calls, and tells each call why its body is refused. */
import type { DescMessage } from '@bufbuild/protobuf';
import type { UniversalServerRequest } from '@connectrpc/connect/protocol';
import type { NodeServerRequest } from '@postlude/queue/foundations';
import { ANONYMOUS } from './auth.ts';
import { type BodyAccount, BodyBudget } from './body/body-budget.ts';
import type { Hold } from './body/body-limits.ts';
import { withCheckedBody } from './body/request-body.ts';
import { failCall, type RpcCall, stopping } from './rpc-call.ts';

type Body = AsyncIterable<Uint8Array>;

interface Caller {
  readonly call: RpcCall;
  readonly request: NodeServerRequest;
}

/** Returns the request with a checked body. */
export type CheckBody = (
  universal: UniversalServerRequest,
  input: DescMessage,
  caller: Caller,
) => UniversalServerRequest;

/** Messages that one connection may send at once, and all together, if each is as large as it may be. */
const OF_CONNECTION = 4;
const OF_ALL = 8;
/** Small limits on messages leave room for many of them. */
const LEAST_BYTES = 4 * 1024 ** 2;

/** When `draining` aborts, bodies that have not arrived as a whole are refused, with a code to try again. */
export function bodyChecks(maxBytes: number, draining: AbortSignal): CheckBody {
  const room = Math.max(maxBytes, LEAST_BYTES);
  const budget = new BodyBudget({
    maxBytes: OF_ALL * room,
    maxBytesPerConnection: OF_CONNECTION * room,
  });
  draining.addEventListener('abort', () => budget.refuseAll(stopping()), { once: true });
  return (universal, input, { call, request }) => {
    let held = 0;
    const account = budget.open({
      connection: ('stream' in request ? request.stream.session : request.socket) ?? request,
      party: () => (call.caller === ANONYMOUS ? call.address : call.caller),
    });
    const body = untilRefused(universal.body as Body, account);
    const hold: Hold = (bytes) => {
      account.hold(bytes);
      held += bytes;
      call.admitted?.hold(held);
    };
    const checked = withCheckedBody({ ...universal, body }, input, { hold, maxBytes });
    return { ...checked, body: telling(checked.body as Body, account) };

    async function* telling(checkedBody: Body, { release }: BodyAccount): Body {
      try {
        yield* checkedBody;
      } catch (error) {
        throw failCall(call, error, universal.signal);
      } finally {
        release();
      }
    }
  };
}

/** Stops waiting for the rest of a body that is refused. */
async function* untilRefused(body: Body, { refused }: BodyAccount): Body {
  const chunks = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await Promise.race([chunks.next(), refused]);
      if (done) return;
      yield value;
    }
  } finally {
    // It may wait for the rest of the body, which nobody needs.
    chunks.return?.().catch(() => undefined);
  }
}
