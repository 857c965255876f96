/** All faults that calls of Spanner can have, at random. */
import { hasCode, type Random, randomInt } from '@postlude/queue/foundations';
import { GRPC } from './grpc-messages.ts';
import type { Call, Ending } from './proxied-call.ts';
import type { SpannerFault, SpannerFaults } from './spanner-proxy.ts';

const ENDINGS: readonly Ending[] = [
  { status: GRPC.unavailable },
  { status: GRPC.unavailable },
  { status: GRPC.unavailable },
  'stream-reset',
  'connection-lost',
];

/** The share of all calls that fail in some way. */
export function randomFaults(random: Random, share: number): SpannerFaults {
  return (call) => (random() < share ? randomFault(random, call) : undefined);
}

const READS: readonly string[] = ['ExecuteStreamingSql', 'StreamingRead', 'BeginTransaction'];

function randomFault(random: Random, { method }: Call): SpannerFault {
  const kind = random();
  if (method === 'Commit' && kind < 0.4) return { moment: 'aborted' };
  // Not for commits: if one is sent again and its session is gone, the outcome is unknown.
  if (READS.includes(method) && kind < 0.1) return { moment: 'session-lost' };
  const ending = ENDINGS[randomInt(random, ENDINGS.length)] ?? 'stream-reset';
  return random() < 0.5
    ? { moment: 'before', ending }
    : { moment: 'after', ending, messages: randomInt(random, 3) };
}

const MAX_ATTEMPTS = 40;

/**
 * Retries as callers do after an error that says that nothing landed. An unknown outcome does not say that.
 */
export async function insist<T>(fn: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fn();
    } catch (error) {
      if (attempt >= MAX_ATTEMPTS || !hasCode(error, 'unavailable', 'conflict')) throw error;
    }
  }
}
